"""The candidate sources, in the order in which they bring candidates; how many each brings stands in placements.py."""

from __future__ import annotations

from serving.decisions.recommend.params import Params
from serving.decisions.recommend.sources.content import Content
from serving.decisions.recommend.sources.coview import Coview
from serving.decisions.recommend.sources.factors import Factors
from serving.decisions.recommend.sources.fresh import Fresh
from serving.decisions.recommend.sources.item_item import ItemItem
from serving.decisions.recommend.sources.protocol import Evidence, Found, Lists, Scores, Source, Sum
from serving.decisions.recommend.sources.repeat import Repeat
from serving.decisions.recommend.sources.session import Session
from serving.decisions.recommend.sources.together import Together
from serving.decisions.recommend.sources.transitions import Transitions
from serving.decisions.recommend.sources.viewed import Viewed


def sources(params: Params) -> tuple[Source, ...]:
    """Lists that come first; sums, in the order of kernels/candidates.py; sessions; lists that come last. Trending and
    given items need no search: the union's kernel takes them itself."""
    return (
        Repeat(),
        Viewed(),
        Together(),
        Coview(),
        Transitions(params.transition_half_life_visits),
        ItemItem(),
        Session(params.session_neighbours, params.session_half_life_days, params.candidates),
        Fresh(),
        Factors(),
        Content(),
    )


__all__ = ["Evidence", "Found", "Lists", "Scores", "Source", "Sum", "sources"]
