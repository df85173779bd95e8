"""What a request's `filter` may say about items, after Google's AIP-160 (https://google.aip.dev/160).

    availability = "IN_STOCK" AND price < 5000 AND NOT category:"gift"
    attributes.colour = red OR attributes.colour = "dark *"
    -on_sale (brand:Acme OR brand:Oakline) margin >= 0.3 stock.north > 0

As in AIP-160, OR binds tighter than AND, and terms side by side are joined by AND. `:` means "has": a word of the
title, a level of the category; `field:*` holds where the field is known. A star ends the beginning of a text. What is
not known (no price, no cost, stock nobody reports) holds in no comparison; `!=` is NOT `=`, so there it holds.
"""

from serving.decisions.recommend.filters.compiler import Filter, compiled

__all__ = ["Filter", "compiled"]
