"""
A class on one cluster: a namespace for each student, and a board that shows who is where.

    objects     what each student gets: namespace, quota, limits, rights, network policy
    creating    makes and deletes a class
    board       what the board shows, from Pods and recorded scores: pure
    serving     the board on the terminal and as a page
"""
