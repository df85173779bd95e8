"""The words, sizes and price bands the demo store's catalogue is made of. Every name is invented or generic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf of the category tree and what its items look like."""

    path: tuple[str, str, str]
    noun: str
    kinds: tuple[str, ...]
    looks: tuple[str, ...]
    sizes: tuple[str, ...]
    price: tuple[int, int]
    """Cheapest and dearest regular price, pence."""
    grams: int
    """Weight of the smallest size; each further size weighs 40 % more."""
    size_mm: tuple[int, int, int]
    goes_with: str
    """Name of the leaf whose items are bought together with these, '' = none."""
    interval_days: int = 0
    """Days until a buyer needs it again, 0 = not consumed."""
    season: str = "flat"
    """Key of demo_calendar.SEASONS."""


_COLOURS: Final = (
    "white",
    "blue",
    "sage",
    "charcoal",
    "mustard",
    "terracotta",
    "navy",
    "cream",
    "blush",
    "forest green",
)
_BRIGHTS: Final = ("red", "yellow", "sky blue", "green", "orange", "violet", "pink", "rainbow")
_SCENTS: Final = ("lavender", "lemon", "fig", "rose", "eucalyptus", "cedar", "mint", "unscented", "neroli")
_TASTES: Final = ("mild", "medium", "strong", "smoky", "fruity", "nutty", "classic", "single origin")
_MEALS: Final = ("chicken", "salmon", "lamb", "beef", "turkey", "duck", "white fish", "vegetable")
_PATTERNS: Final = ("plain", "striped", "floral", "dotted", "checked", "leaf print", "star print", "wave print")
_ML: Final = ("250 ml", "300 ml", "350 ml", "450 ml")
_LITRES: Final = ("500 ml", "750 ml", "1 l", "2 l")
_CM: Final = ("20 cm", "24 cm", "28 cm", "32 cm")
_PACKS: Final = ("pack of 2", "pack of 4", "pack of 6", "pack of 10")
_BED: Final = ("single", "double", "king", "super king")
_GRAMS: Final = ("250 g", "500 g", "750 g", "1 kg")
_BAGS: Final = ("1 kg", "2 kg", "5 kg", "10 kg")
_TUBES: Final = ("50 ml", "75 ml", "100 ml", "150 ml")
_STEMS: Final = ("small", "medium", "large", "extra large")
_PIECES: Final = ("24 pieces", "48 pieces", "72 pieces", "100 pieces")

# One leaf a line, as a table: wrapped over fifteen lines each it could no longer be read.
# fmt: off
# ruff: noqa: E501
LEAVES: Final[tuple[Leaf, ...]] = (
    Leaf(("Kitchen", "Drinkware", "Mugs"), "mug", ("ceramic", "stoneware", "porcelain", "enamel", "glass"), _COLOURS, _ML, (499, 1899), 320, (120, 90, 100), "Ground coffee"),
    Leaf(("Kitchen", "Drinkware", "Water bottles"), "water bottle", ("steel", "glass", "insulated", "folding"), _COLOURS, _LITRES, (899, 2999), 210, (75, 75, 260), "Lunch boxes", season="summer"),
    Leaf(("Kitchen", "Drinkware", "Tumblers"), "tumbler", ("recycled glass", "cut glass", "acrylic", "crystal"), _COLOURS, _PACKS, (699, 3499), 400, (80, 80, 110), "Water bottles", season="summer"),
    Leaf(("Kitchen", "Cookware", "Frying pans"), "frying pan", ("cast iron", "non-stick", "carbon steel", "copper", "ceramic-coated"), _COLOURS, _CM, (1499, 7999), 1100, (420, 280, 60), "Olive oil"),
    Leaf(("Kitchen", "Cookware", "Saucepans"), "saucepan", ("steel", "enamel", "copper", "aluminium"), _COLOURS, ("1 l", "1.5 l", "2 l", "3 l"), (1299, 6999), 900, (320, 180, 120), "Pasta"),
    Leaf(("Kitchen", "Cookware", "Baking tins"), "baking tin", ("steel", "non-stick", "silicone", "enamel"), _COLOURS, _CM, (599, 2499), 450, (330, 230, 60), "Dark chocolate", season="winter"),
    Leaf(("Kitchen", "Food storage", "Lunch boxes"), "lunch box", ("bamboo", "steel", "glass", "silicone"), _COLOURS, _LITRES, (699, 2499), 300, (200, 140, 70), "Water bottles"),
    Leaf(("Kitchen", "Food storage", "Storage jars"), "storage jar", ("glass", "ceramic", "cork-lidded", "tin"), _COLOURS, _LITRES, (399, 1799), 380, (110, 110, 160), "Pasta"),
    Leaf(("Pantry", "Coffee and tea", "Ground coffee"), "coffee", ("ground", "organic ground", "decaf ground", "espresso"), _TASTES, _GRAMS, (499, 2299), 260, (90, 60, 220), "Coffee filters", 21),
    Leaf(("Pantry", "Coffee and tea", "Tea"), "tea", ("black", "green", "herbal", "white", "rooibos"), _TASTES, ("20 bags", "40 bags", "80 bags", "160 bags"), (249, 1199), 60, (140, 80, 90), "Honey", 28),
    Leaf(("Pantry", "Coffee and tea", "Coffee filters"), "coffee filters", ("paper", "unbleached paper", "cotton", "bamboo paper"), ("cone", "basket", "flat", "wave"), ("40 pieces", "80 pieces", "100 pieces", "200 pieces"), (199, 799), 90, (160, 120, 30), "Ground coffee", 45),
    Leaf(("Pantry", "Larder", "Olive oil"), "olive oil", ("extra virgin", "cold-pressed", "early harvest", "organic"), _TASTES, _LITRES, (599, 2999), 900, (75, 75, 300), "Pasta", 40),
    Leaf(("Pantry", "Larder", "Pasta"), "pasta", ("durum", "wholewheat", "spelt", "egg", "lentil"), ("penne", "spaghetti", "fusilli", "linguine", "orzo", "shells", "rigatoni"), _GRAMS, (99, 599), 260, (200, 100, 60), "Olive oil", 25),
    Leaf(("Pantry", "Larder", "Honey"), "honey", ("clear", "set", "raw", "heather"), _TASTES, ("227 g", "340 g", "454 g", "1 kg"), (349, 1599), 400, (80, 80, 110), "Tea", 42),
    Leaf(("Pantry", "Sweets", "Dark chocolate"), "chocolate", ("dark", "extra dark", "organic dark", "filled dark"), ("orange", "sea salt", "mint", "hazelnut", "plain", "ginger", "raspberry"), ("80 g", "100 g", "180 g", "300 g"), (199, 999), 85, (160, 80, 10), "Honey", 18, "gift"),
    Leaf(("Pantry", "Sweets", "Biscuits"), "biscuits", ("butter", "oat", "ginger", "shortbread", "almond"), ("plain", "dipped", "filled", "thin", "crumbly"), ("150 g", "200 g", "300 g", "500 g"), (179, 899), 160, (220, 70, 70), "Tea", 16, "gift"),
    Leaf(("Household", "Cleaning", "Washing-up liquid"), "washing-up liquid", ("concentrated", "gentle", "plant-based", "refill"), _SCENTS, _LITRES, (199, 899), 540, (80, 60, 220), "Sponges", 30),
    Leaf(("Household", "Cleaning", "Surface spray"), "surface spray", ("kitchen", "bathroom", "glass", "all-purpose"), _SCENTS, _LITRES, (249, 899), 560, (90, 60, 260), "Sponges", 32),
    Leaf(("Household", "Cleaning", "Sponges"), "sponge", ("cellulose", "scouring", "copper", "loofah"), _BRIGHTS, _PACKS, (149, 699), 40, (120, 80, 60), "Washing-up liquid", 24),
    Leaf(("Household", "Laundry", "Laundry liquid"), "laundry liquid", ("colour", "sensitive", "wool", "bio"), _SCENTS, ("20 washes", "40 washes", "60 washes", "90 washes"), (399, 1999), 800, (120, 80, 280), "Fabric softener", 35),
    Leaf(("Household", "Laundry", "Fabric softener"), "fabric softener", ("concentrated", "sensitive", "plant-based", "refill"), _SCENTS, _LITRES, (199, 999), 560, (100, 70, 260), "Laundry liquid", 38),
    Leaf(("Household", "Laundry", "Laundry baskets"), "laundry basket", ("wicker", "cotton rope", "folding", "bamboo"), _COLOURS, _STEMS, (1499, 5999), 1200, (420, 320, 560), "Laundry liquid"),
    Leaf(("Bath", "Skin care", "Hand cream"), "hand cream", ("rich", "light", "repair", "organic"), _SCENTS, _TUBES, (399, 1899), 65, (45, 30, 140), "Soap bars", 45, "winter"),
    Leaf(("Bath", "Skin care", "Face wash"), "face wash", ("gel", "foaming", "clay", "cream"), _SCENTS, _TUBES, (499, 2499), 90, (50, 40, 160), "Hand cream", 40),
    Leaf(("Bath", "Skin care", "Sun cream"), "sun cream", ("sensitive", "sport", "family", "mineral"), ("SPF 20", "SPF 30", "SPF 50", "SPF 50+"), _TUBES, (599, 2299), 100, (60, 40, 180), "Face wash", 35, "summer"),
    Leaf(("Bath", "Bathroom", "Soap bars"), "soap bar", ("olive", "goat's milk", "oatmeal", "charcoal", "shea"), _SCENTS, _PACKS, (249, 1299), 180, (80, 55, 50), "Bath towels", 26),
    Leaf(("Bath", "Bathroom", "Bath towels"), "bath towel", ("cotton", "linen", "bamboo", "waffle"), _COLOURS, _STEMS, (799, 3999), 420, (380, 300, 80), "Soap bars"),
    Leaf(("Bath", "Dental", "Toothpaste"), "toothpaste", ("whitening", "sensitive", "natural", "fluoride"), ("mint", "spearmint", "fennel", "lemon", "cinnamon"), _TUBES, (149, 799), 80, (190, 50, 40), "Toothbrushes", 34),
    Leaf(("Bath", "Dental", "Toothbrushes"), "toothbrush", ("bamboo", "soft", "medium", "children's"), _BRIGHTS, _PACKS, (199, 999), 40, (220, 60, 25), "Toothpaste", 60),
    Leaf(("Home", "Bedding", "Duvet covers"), "duvet cover", ("cotton", "linen", "percale", "flannel"), _PATTERNS, _BED, (2499, 11999), 1100, (350, 280, 80), "Pillowcases"),
    Leaf(("Home", "Bedding", "Pillowcases"), "pillowcase", ("cotton", "linen", "percale", "silk"), _PATTERNS, _PACKS, (799, 3999), 220, (300, 220, 30), "Duvet covers"),
    Leaf(("Home", "Bedding", "Throws"), "throw", ("wool", "cotton", "fleece", "alpaca"), _COLOURS, ("120 x 150 cm", "130 x 170 cm", "150 x 200 cm", "180 x 220 cm"), (1999, 9999), 800, (340, 260, 100), "Cushions", season="winter"),
    Leaf(("Home", "Decoration", "Cushions"), "cushion", ("velvet", "linen", "knitted", "cotton"), _COLOURS, ("40 x 40 cm", "45 x 45 cm", "50 x 50 cm", "60 x 40 cm"), (999, 4499), 480, (450, 450, 140), "Throws"),
    Leaf(("Home", "Decoration", "Candles"), "candle", ("soy", "beeswax", "rapeseed", "coconut wax"), _SCENTS, ("20 h", "35 h", "50 h", "80 h"), (599, 3499), 240, (80, 80, 100), "Matches", 50, "gift"),
    Leaf(("Home", "Decoration", "Matches"), "matches", ("long", "coloured", "safety", "cedar"), _PATTERNS, ("50 pieces", "100 pieces", "150 pieces", "200 pieces"), (149, 699), 50, (110, 60, 30), "Candles", 55),
    Leaf(("Home", "Decoration", "Picture frames"), "picture frame", ("oak", "walnut", "brass", "painted"), _COLOURS, ("10 x 15 cm", "13 x 18 cm", "A4", "A3"), (699, 3999), 350, (330, 240, 30), "Vases"),
    Leaf(("Home", "Decoration", "Vases"), "vase", ("ceramic", "glass", "stoneware", "rattan"), _COLOURS, _CM, (899, 4999), 900, (160, 160, 280), "Picture frames", season="spring"),
    Leaf(("Home", "Lighting", "Table lamps"), "table lamp", ("ceramic", "brass", "oak", "paper"), _COLOURS, _STEMS, (2499, 11999), 1600, (260, 260, 420), "Light bulbs", season="winter"),
    Leaf(("Home", "Lighting", "Light bulbs"), "light bulb", ("LED", "filament LED", "smart LED", "dimmable LED"), ("warm white", "cool white", "amber", "daylight"), _PACKS, (299, 2499), 70, (120, 70, 130), "Table lamps"),
    Leaf(("Garden", "Growing", "Plant pots"), "plant pot", ("terracotta", "glazed", "concrete", "woven"), _COLOURS, _CM, (399, 3499), 700, (240, 240, 220), "Potting soil", season="spring"),
    Leaf(("Garden", "Growing", "Seeds"), "seeds", ("organic", "heritage", "dwarf", "climbing"), ("tomato", "basil", "sweet pea", "carrot", "sunflower", "chard", "nasturtium", "pea"), ("small packet", "packet", "large packet", "collection"), (149, 899), 15, (120, 80, 5), "Potting soil", season="spring"),
    Leaf(("Garden", "Growing", "Potting soil"), "potting soil", ("peat-free", "seedling", "cactus", "rich"), ("fine", "coarse", "with perlite", "with bark"), ("5 l", "10 l", "20 l", "40 l"), (399, 1699), 3000, (400, 280, 100), "Plant pots", 60, "spring"),
    Leaf(("Garden", "Outdoors", "Lanterns"), "lantern", ("solar", "glass", "paper", "iron"), _COLOURS, _CM, (799, 4999), 650, (180, 180, 300), "Candles", season="summer"),
    Leaf(("Garden", "Outdoors", "Picnic blankets"), "picnic blanket", ("wool", "waterproof", "cotton", "recycled"), _PATTERNS, _STEMS, (1499, 5999), 900, (380, 300, 120), "Lunch boxes", season="summer"),
    Leaf(("Stationery", "Writing", "Notebooks"), "notebook", ("lined", "dotted", "squared", "plain"), _COLOURS, ("A6", "A5", "B5", "A4"), (299, 1999), 180, (210, 150, 18), "Pens"),
    Leaf(("Stationery", "Writing", "Pens"), "pen", ("gel", "fountain", "fineliner", "ballpoint", "brush"), _BRIGHTS, _PACKS, (199, 2499), 25, (160, 60, 20), "Notebooks", 48),
    Leaf(("Stationery", "Paper", "Greeting cards"), "greeting card", ("letterpress", "recycled", "pop-up", "painted"), _PATTERNS, _PACKS, (199, 1299), 30, (180, 130, 10), "Wrapping paper", 40, "gift"),
    Leaf(("Stationery", "Paper", "Wrapping paper"), "wrapping paper", ("kraft", "recycled", "foil", "tissue"), _PATTERNS, ("2 m", "3 m", "5 m", "10 m"), (199, 999), 110, (700, 45, 45), "Greeting cards", 45, "gift"),
    Leaf(("Pets", "Dogs", "Dog food"), "dog food", ("dry", "grain-free", "puppy", "senior"), _MEALS, _BAGS, (399, 4499), 1050, (320, 200, 90), "Dog treats", 23),
    Leaf(("Pets", "Dogs", "Dog treats"), "dog treats", ("chewy", "dental", "training", "baked"), _MEALS, ("100 g", "200 g", "400 g", "800 g"), (199, 1499), 110, (220, 140, 50), "Dog food", 20),
    Leaf(("Pets", "Cats", "Cat food"), "cat food", ("dry", "grain-free", "kitten", "senior"), _MEALS, _BAGS, (349, 3499), 1050, (300, 180, 80), "Cat litter", 20),
    Leaf(("Pets", "Cats", "Cat litter"), "cat litter", ("clumping", "wood", "clay", "paper"), ("unscented", "fresh", "low dust", "fine"), ("5 l", "10 l", "20 l", "30 l"), (399, 2299), 3000, (380, 260, 120), "Cat food", 22),
    Leaf(("Children", "Toys", "Puzzles"), "puzzle", ("wooden", "floor", "magnetic", "jigsaw"), ("animals", "map", "vehicles", "forest", "ocean", "space", "farm"), _PIECES, (599, 2999), 420, (280, 200, 50), "Building blocks", season="gift"),
    Leaf(("Children", "Toys", "Building blocks"), "building blocks", ("wooden", "magnetic", "foam", "cork"), _BRIGHTS, _PIECES, (999, 4999), 800, (300, 220, 90), "Puzzles", season="gift"),
    Leaf(("Children", "Craft", "Paint sets"), "paint set", ("watercolour", "poster", "finger", "acrylic"), _BRIGHTS, ("6 colours", "12 colours", "18 colours", "24 colours"), (399, 2499), 260, (240, 140, 25), "Drawing pads"),
    Leaf(("Children", "Craft", "Drawing pads"), "drawing pad", ("thick", "smooth", "recycled", "coloured"), _PATTERNS, ("A5", "A4", "A3", "A2"), (249, 1499), 320, (300, 210, 12), "Paint sets", 42),
)
# fmt: on

BRANDS: Final = (
    "Oakline", "Harrow & Finch", "Millbrook", "Tern Bay", "Copperleaf", "Northwick", "Juniper Lane", "Saltmarsh",
    "Fennel & Co", "Brightwater", "Larkfield", "Stonecroft", "Willowmere", "Pebble & Pine", "Ashdown", "Merrow",
    "Goldcrest", "Thistle House", "Hazelwood", "Kittiwake", "Rowan & Rye", "Blackthorn", "Meadowsweet", "Foxley",
    "Cloudberry", "Linden Works", "Elmstead", "Seabright", "Moorland", "Quillon", "Teasel", "Whinberry",
)  # fmt: skip

BRANDS_PER_DEPARTMENT: Final = 12
WAREHOUSES: Final = ("north", "south", "west")
