"""
The instructor's path: from a blueprint to marks.

In the order of a term:

    blueprint     assignment.toml: rows, points, seeds; which exercises a student draws
    release       the learner's notebook, and the instructor's folder
    archives      reads zips with bounds;  submissions: answers by cell, from notebooks, folders and downloads;
                  exports: who handed in what, where a platform keeps a list of it
    roster        who the students are;  attribution: to which of them a file belongs
    marking       grades all submissions: parallel, resumable, evidence kept
    rounds        when lost points count, and which answers are run again
    regrading     grades again by the kept evidence, and names grades that are older than today's checks
    concurrency   how many answers run side by side: as many as the machine bears
    gradebook     results to marks: sums, outcomes, item statistics
    storedresults results by answer, for graders that execute notebooks
    pages         inert HTML for the student and for the instructor
    autograder    the zip that Gradescope runs;  autograding: the grading of one submission in there
    formats       nbgrader, otter-grader, Gradescope, PrairieLearn, GitHub Classroom, JUnit, Canvas, Moodle

No line of a student's code is run: answers are the text of cells, applied by the grader itself.
"""
