"""The class of these tests."""

from podlab.assignments.roster import Student

BLUEPRINT = """\
title = "Small"
seed = "student"

[[rows]]
name = "beside"
points = 10
choose = ["e14"]

[[rows]]
name = "order"
points = 4
choose = ["e00"]
"""
STUDENTS = [Student("ada", "Ada Lovelace"), Student("bob", "Bob Brown"), Student("cy", "Cy Çelik")]
