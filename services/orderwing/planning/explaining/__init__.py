"""Why a decision was made, what would have changed it, and what it would be if something else had been so.

`facts` what it saw, `deciding` the decision again, `inputs` what can be turned, `breakeven` how far until another wins,
`telling` all of it in sentences, `words` sums and times.
"""
