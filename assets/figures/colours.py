"""The colours of course.mplstyle by their names."""

from course_lib.workbook.figures import COLOURS

BLUE, AMBER, RED, GREY, PURPLE, BROWN, ORANGE, SAND = COLOURS
