"""Which formulas are shown as text, since the front end that typesets them would do more than show them.

Pure.  A formula is TeX, which MathJax runs: it could load, link and name elements, redefine commands and colours for
the whole page, or print over what stands beside it.  And what is nested deep kills the page (*measured* in Chromium,
JupyterLab 4.6: 60 ``\\cfrac`` end the tab's process), as often as the notebook is opened.
"""

from __future__ import annotations

import re

from .rules import DEEPEST

__all__ = ["does_more_than_show"]

# What loads, links, names an element or defines a command; what takes a length, or prints over what stands beside it:
# a formula could black out the page or write over our own words.  From the packages of MathJax that JupyterLab loads.
_TEX = re.compile(
    r"""\\(?:
    href|url|(?:eq)?ref|refeq|includegraphics|class|cssId|style|html\w*|data|require|unicode|mmlToken|texttip|mathtip|tooltip|csname|toggle|action
    |[egx]?def|(?:future)?let|(?:re|provide)?newcommand|(?:re)?newenvironment|Declare\w+|definecolor|Newextarrow|(?:re)?newtagform|usetagform
    |setOptions|mathtoolsset
    |skew|minCDarrow(?:width|height)|[rR]ule|Space|bbox|smash|smashoperator|raise|lower|(?:math|text|cramped)?[rlc]lap|m?kern|kernHyps|insertBetweenHyps
    |[hmv]skip|[hvm]space|move(?:left|right)|raisebox|parbox|framebox|(?:math)?makebox|above(?:withdelims)?|(?:up|left)root
    )(?![A-Za-z])
    |\\(?:[bx]?cancel(?:to)?|enclose\s*\{[^{}]*\}|shove(?:left|right)|xmathstrut|(?:over|under)bracket|begin\s*\{multlined\})\s*\[
    |\\begin\s*\{(?:spreadlines|minipage|indentalign)\}
    |\\begin\s*\{\w*\*?\}\s*(?:\[[^\]]{0,9}\]\s*)?\{[^{}]*[pmbwW]\s*\{                  # a column's width
    |\\(?:\\\*?|newline(?![A-Za-z]))\s*\[\s*\+?(?:-|\d{3}|\d\d[\d.,]*\s*(?:em|ex|pc|in|cm))    # a row's distance
    |\\genfrac(?!(?:\s*\{[^{}]*\}){2}\s*\{\s*\d?(?:\.\d+)?\s*(?:pt|px|mu)?\s*\})       # a thick line
    |(?:\\(?:!|neg(?:thin|med|thick)space)[\s{}]*){8}
    """,
    re.VERBOSE,
)

# MathJax typesets what is in these twice, so each that stands in another one doubles the time: 24 take hours.
_DOUBLES = re.compile(r"\\(?:x[A-Za-z]{2,}|(?:over|under)bracket|pmb|centernot|centerOver)(?![A-Za-z])")
_DEEPEST_DOUBLED = 10

# A proof holds all that came before it, a style what follows in its group; four styles weigh as much as a group.
_NESTING = re.compile(
    r"""(?P<begins>\{|\\(?:begin|left)(?![A-Za-z]))
    |(?P<ends>\}|\\(?:end|right)(?![A-Za-z]))
    |(?P<proves>\\(?:(?:Un|Bin|Trin|Quatern|Quin)aryInfC?|[UBT]IC)(?![A-Za-z]))
    |(?P<styles>\\(?:\w+style|color|[Tt]iny|scriptsize|small|normalsize|[lL]arge|LARGE|[hH]uge)(?![A-Za-z]))
    |\\.""",
    re.VERBOSE | re.DOTALL,
)


def does_more_than_show(tex: str) -> bool:
    """Whether a formula holds a TeX command that can load, link, name an element, define another command, or
    reach out of its place in the page; or is nested deeper than a page can bear."""
    return _TEX.search(tex) is not None or _is_deep(tex)


def _is_deep(tex: str) -> bool:
    deepest = _DEEPEST_DOUBLED if _DOUBLES.search(tex) else DEEPEST
    levels = [0.0]  # of each group that is open
    for part in _NESTING.finditer(tex):
        if part["begins"]:
            levels.append(levels[-1] + 1)
        elif part["ends"] and len(levels) > 1:
            levels.pop()
        elif part["proves"] or part["styles"]:
            levels[-1] += 1 if part["proves"] else 0.25
        if levels[-1] > deepest:
            return True
    return False
