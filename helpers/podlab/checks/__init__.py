"""
Checks: what the life of a Pod is asked, and how the answer is worded.

    life        what ran before, beside and after what; what came back
    notation    the language of order: fetch | proxy | (shop shipper)
    verdict     Verdict and Report
    living      a Pod that is recorded while something is done to it

Checks see a timeline, objects and logs, never the author's code. What is checked in which exercise is for
``podlab.grading``.
"""
