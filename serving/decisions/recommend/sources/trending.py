"""What sells now, decayed by age (model_repo/retrievers.py), then everything by popularity: what the others left free.

It has nothing to look up: the union's kernel (kernels/candidates.py) takes from its list until a page is full.
"""

from __future__ import annotations

from serving.decisions.recommend.contract import Source as Code

CODE, QUOTA = Code.TRENDING, "candidates"
