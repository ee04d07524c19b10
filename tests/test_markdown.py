"""Markdown from a stranger: whatever it says, nothing runs and nothing is fetched; and when a block is settled."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ava_magic.markdown.blocks import Blocks
from ava_magic.markdown.formulas import does_more_than_show
from ava_magic.markdown.html import CODE_FONT, as_it_is, plain, to_html
from ava_magic.markdown.inert import inert_markdown
from ava_magic.markdown.unfinished import mend

_PLAIN = {
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr", "br", "pre", "code", "em", "strong", "s", "small"),
    *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "div", "span", "a", "sup", "input"),
}
_NOTE = r"fn(ref)?-[0-9a-f]{8}-\d+"
_ATTRIBUTES = {
    ("a", "href"): rf"(?i:https?://.+|mailto:.*)|#{_NOTE}",
    ("a", "target"): r"_blank",
    ("a", "rel"): r"noopener noreferrer",
    ("a", "id"): _NOTE,
    ("li", "style"): r"list-style-type: none",
    ("ol", "start"): r"\d{1,9}",
    ("div", "class"): r"highlight",
    ("div", "style"): r"overflow-x: auto",
    ("pre", "style"): r"font-family: var\(--jp-code-font-family, monospace\); white-space: pre; overflow-x: auto"
    r"(; margin-bottom: 1em)?(; user-select: all)?",
    ("span", "class"): r"[a-z][a-z0-9]{0,2}",  # Pygments' short names
    ("input", "type"): r"checkbox",
    ("input", "disabled"): r"",
    ("input", "checked"): r"",
    ("th", "style"): r"text-align:(left|right|center)",
    ("td", "style"): r"text-align:(left|right|center)",
}
_LINK = '<a href="{}" target="_blank" rel="noopener noreferrer">'
_FORMULA = re.compile(r"\$(?:[^$\\]|\\.)+\$|\$\$.*\$\$|\\\(.*\\\)|\\\[.*\\\]", re.DOTALL)


class Page(HTMLParser):
    """HTML as a browser takes it: its tags with their attributes, and its texts outside and inside of code."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.oddities: list[str] = []
        self.text = ""
        self._code_depth = 0
        self.feed(html)
        self.close()

    @property
    def links(self) -> list[str]:
        return [attributes["href"] for tag, attributes in self.tags if tag == "a"]

    @property
    def formulas(self) -> list[str]:
        """What a front end would typeset: it looks for both delimiters within one text that is no code."""
        return [text for text in self.texts if text.count("$") > 1 or re.search(r"\\[(\[]", text)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._code_depth += tag in ("pre", "code")

    def handle_endtag(self, tag: str) -> None:
        self._code_depth -= tag in ("pre", "code")

    def handle_data(self, data: str) -> None:
        self.text += data
        if not self._code_depth:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.oddities.append(data)

    def handle_decl(self, decl: str) -> None:
        self.oddities.append(decl)

    handle_pi = unknown_decl = handle_comment


def assert_inert(html: str) -> None:
    """Nothing in ``html`` but tags and attributes from the lists above, and formulas that only show something."""
    page = Page(html)
    assert page.oddities == []
    for tag, attributes in page.tags:
        assert tag in _PLAIN, (tag, html)
        for name, value in attributes.items():
            allowed = _ATTRIBUTES.get((tag, name))
            assert allowed is not None, (tag, name, html)
            assert re.fullmatch(allowed, value), (tag, name, value, html)
        if tag == "a" and not attributes["href"].startswith("#"):
            assert {"target", "rel"} <= attributes.keys(), html
    for formula in page.formulas:
        assert _FORMULA.fullmatch(formula), formula
        assert not does_more_than_show(formula), formula
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html)


_HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a <b onclick='alert(1)'>b</b> <svg/onload=alert(1)>",
    "<!-- comment --><!doctype html><?php ?><![CDATA[x]]>",
    "<iframe src='//evil.example'></iframe>\n\n<style>@import 'http://evil.example'</style>",
    "<div>\n\n<object data=x>\n\n</div>",
    "- <img src=x>\n> <img src=x>\n\n| a |\n|---|\n| <img src=x> |",
    "# <img src=x>\n\n[<img src=x>](http://a.example)\n\n**<img src=x>**",
    "&lt;img src=x onerror=alert(1)&gt; &#60;img src=x&#62; &#x3C;script&#x3E;",
    r"\<img src=x\>",
    "`<img src=x>`",
    "```\n</pre></div><script>alert(1)</script>\n```",
    "```html\n</pre></div><script>alert(1)</script>\n```",
    "```<script>alert(1)</script>\nx\n```",
    '```"onload=alert(1) x\nx\n```',
    "~~~python' onload=alert(1)\nx\n~~~",
    "    <script>alert(1)</script>",
    "$<img src=x onerror=alert(1)>$",
    "$$\n</p><script>alert(1)</script>\n$$",
    r"$\href{javascript:alert(1)}{x}$ $$\style{background:url(//evil.example)}{x}$$ \(\url{x}\) \[\cssId{a}{x}\]",
    r"\\(x\\) \\[x\\] $\$ x \$$ `$`$`$` *$*$*$* $`$` x$",
    "$$x</span><img src=x>$$",
    "[^<img>]: x\n\na[^<img>]",
    "a[^1]\n\n[^1]: <script>alert(1)</script> [x](javascript:alert(1))",
    "^[<img src=x>]",
    "- [ ] <img src=x>\n- [x] [y](javascript:alert(1))",
    '| a |\n|:"onload=alert(1)"-|\n| b |',
    "999999999. x\n1000000000. y\n-1. z",
    "\u202e\u2066 \x1b[2J \x00 \x9b \x7f",
    "<" * 2_000,
    ">" * 200 + "<img src=x>",
    "- " * 200 + "<img src=x>",
    "![" * 500,
    "[" * 500 + "](javascript:x)" * 500,
    "*" * 3_001 + "<img src=x>",
    "![x][y]\n\n[y]: data:image/png;base64,AAAA",
]


@pytest.mark.parametrize("text", _HOSTILE, ids=range(len(_HOSTILE)))
def test_nothing_in_the_html_of_a_hostile_text_runs_or_is_fetched(text: str) -> None:
    assert_inert(to_html(text))


def test_raw_html_is_shown_as_the_text_it_is() -> None:
    text = "a <b>bold</b> word & <img src=x onerror=alert(1)> &amp;"
    assert Page(to_html(text)).text == "a <b>bold</b> word & <img src=x onerror=alert(1)> &\n"


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "JavaScript:alert(1)", "&#106;avascript:alert(1)", "javascript&colon;alert(1)"),
        *("java%0ascript:alert(1)", "%6aavascript:alert(1)", "\x01javascript:alert(1)", "data:text/html,<b>x</b>"),
        *("vbscript:x", "file:///etc/passwd", "blob:x", "about:blank", "ftp://a.example", "ws://a.example"),
        *("/tree", "//evil.example", "evil.html", "?x", "#fn1", "http:evil", "https:///evil"),
        *("javascript://a.example/%0aalert(1)", "\\\\evil.example"),
    ],
)
@pytest.mark.parametrize("written", ["[x]({})", "[x](<{}>)", "<{}>", "![x]({})", "[x]\n\n[x]: {}", "[x]({} 'title')"])
def test_a_link_elsewhere_than_the_web_or_mail_is_no_link(written: str, url: str) -> None:
    html = to_html(written.format(url))
    assert_inert(html)
    assert Page(html).links == []


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "https://a.example/b?c=d&e=f#g",
        "HTTPS://a.example",
        "mailto:a@b.example",
        "http://127.0.0.1:1/",
    ],
)
@pytest.mark.parametrize("written", ["[x]({})", "<{}>", "[x]\n\n[x]: {} 'title \" onclick=x'"])
def test_a_link_to_the_web_or_to_mail_opens_apart_and_knows_nothing_of_this_page(written: str, url: str) -> None:
    html = to_html(written.format(url))
    assert_inert(html)
    assert [urlsplit(link).geturl() for link in Page(html).links] == [urlsplit(url).geturl()]


@pytest.mark.parametrize("text", ["[x]()", "[x](<>)", "![x]()", "[x]\n\n[x]: <>"])
def test_a_link_to_nowhere_is_no_link(text: str) -> None:
    assert Page(to_html(text)).links == []


def test_a_quote_in_an_address_stays_in_the_address() -> None:
    html = to_html("[x](http://a.example/\"onclick=alert(1)'>)")
    assert_inert(html)
    assert len(Page(html).links) == 1


@pytest.mark.parametrize(
    "text", ["![a cat](https://a.example/cat.png)", "![a cat][c]\n\n[c]: https://a.example/cat.png"]
)
def test_an_image_is_a_link_to_it(text: str) -> None:
    page = Page(to_html(text))
    assert page.links == ["https://a.example/cat.png"]
    assert "img" not in dict(page.tags)
    assert "a cat" in page.text


@pytest.mark.parametrize(("image", "words"), [("![*a* $5]", "a $5"), ("![]", "image")])
def test_an_image_in_a_link_is_its_words(image: str, words: str) -> None:
    page = Page(to_html(f"[{image}(https://img.example/x.svg)](https://ci.example)"))
    assert page.links == ["https://ci.example"]
    assert page.text == f"{words} (ci.example)\n"
    assert page.formulas == []


@pytest.mark.parametrize("written", ["[your.bank]({})", "[your.bank]\n\n[your.bank]: {}", "![your.bank]({})"])
@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://evil.example/your.bank", "evil.example"),
        ("https://your.bank@evil.example/", "evil.example"),
        ("mailto:thief@evil.example", "thief@evil.example"),
    ],
)
def test_where_a_link_leads_is_readable_beside_its_words(written: str, url: str, where: str) -> None:
    assert re.search(rf"your\.bank\]? \({where}\)", Page(to_html(written.format(url))).text)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see http://a.example/b?c=d.", ["http://a.example/b?c=d"]),
        ("(https://a.example/b), or", ["https://a.example/b"]),
        ("**https://a.example**", ["https://a.example"]),
        ("[https://a.example](https://b.example)", ["https://b.example"]),
        ("`https://a.example`", []),
        (
            "\u201chttps://a.example/b\u201d, \u00bbhttps://c.example\u00ab",
            ["https://a.example/b", "https://c.example"],
        ),
        ("\uff08https://a.example/b\uff09\u3002", ["https://a.example/b"]),
        ("https://a.example/b\uff0cc\u3001https://d.example\u3002e", ["https://a.example/b", "https://d.example"]),
        ("```\nhttps://a.example\n```", []),
        ("javascript://a.example ftp://a.example", []),
        (
            "https://a.example/__init__.py, *https://b.example/_c_/d*",
            ["https://a.example/__init__.py", "https://b.example/_c_/d"],
        ),
        ("**https://a.example/b**,**https://c.example/d**", ["https://a.example/b", "https://c.example/d"]),
        ("[https://a.example/__b__](https://c.example)", ["https://c.example"]),
        ("https://a.example/b\\_c\\_d ~~https://e.example/f~~", ["https://a.example/b_c_d", "https://e.example/f"]),
        ("&lt;https://a.example&gt; &quot;https://b.example/c&quot;", ["https://a.example", "https://b.example/c"]),
        ("_https://a.example/b_ __https://c.example__", ["https://a.example/b", "https://c.example"]),
        ("https://a.example/?b=1&amp;c=2", ["https://a.example/?b=1&c=2"]),
        ("(as in https://a.example/B_(c)), (https://d.example/e)", ["https://a.example/B_(c)", "https://d.example/e"]),
        ("\u89c1https://a.example/__init__.py\u3002", ["https://a.example/__init__.py"]),
        ("{https://a.example/{b}/{c}}, [http://[::1]]", ["https://a.example/{b}/{c}", "http://[::1]"]),
        ("https://a.example/b[c](https://d.example/e)", ["https://a.example/b", "https://d.example/e"]),
        ("https://a.example/b[^1]", ["https://a.example/b"]),
    ],
)
def test_a_bare_address_is_a_link(text: str, links: list[str]) -> None:
    html = to_html(text)
    assert_inert(html)
    assert Page(html).links == links


@pytest.mark.parametrize("written", ["https://your.bank@evil.example/b", "<https://your.bank@evil.example/b>"])
def test_an_address_that_begins_with_another_host_is_told_apart(written: str) -> None:
    assert Page(to_html(written)).text == "https://your.bank@evil.example/b (evil.example)\n"


@pytest.mark.parametrize(
    "text",
    [
        "see http://a.example/b, (https://c.example) and $5 there",
        "see https://a.example/__init__.py, and https://a.example/a*b*c",
        "http://a.example/b_(c), httpx://a and x://",
    ],
)
def test_the_words_around_a_bare_address_stay(text: str) -> None:
    assert Page(to_html(text)).text.strip() == text


def test_an_address_that_leads_nowhere_is_read_once_and_is_text() -> None:
    """Or each of those inside it would be read to the end of them all."""
    text = "http://[a]" * 40 + "_a_"
    assert to_html(text) == f"<p>{text}</p>\n"


@pytest.mark.parametrize(
    ("text", "bold"),
    [
        ("**注意：**这是", "注意："),
        ("价格**“重要”**的", "“重要”"),
        ("**한국어(Korean)**는", "한국어(Korean)"),
        ("は**`x`**です", "<code>x</code>"),
        ("你**好**吗", "好"),
    ],
)
def test_emphasis_needs_no_blanks_where_a_script_has_none(text: str, bold: str) -> None:
    assert f"<strong>{bold}</strong>" in to_html(text)


@pytest.mark.parametrize("text", ["星 * 星 * 星", "a**(b)**c", "2 ** 二"])
def test_signs_that_mark_nothing_stay(text: str) -> None:
    assert Page(to_html(text)).text.strip() == text


def test_footnotes_of_two_replies_in_one_page_do_not_meet() -> None:
    ids = [
        {attributes["id"] for _, attributes in Page(to_html(text)).tags if "id" in attributes}
        for text in ("a[^1]\n\n[^1]: note", "b[^1]\n\n[^1]: note")
    ]
    assert len(ids[0]) == len(ids[1]) == 2
    assert not ids[0] & ids[1]


def test_a_footnote_stands_where_it_was_written_under_its_own_label() -> None:
    html = to_html("a[^7] b[^x] c[^9] d[^a-z]\n\n[^7]: seven\n\nbetween\n\n[^x]: the $x$")
    assert_inert(html)
    assert Page(html).text.split() == "a[7] b[x] c[9] d[^a-z] [7] seven between [x] the $x$".split()
    links = re.findall(r'href="#([^"]+)"', html)
    assert len(links) == 4
    assert sorted(links) == sorted(re.findall(r'id="([^"]+)"', html))


def test_the_mark_of_a_footnote_looks_the_same_before_its_words_have_come() -> None:
    before, after = to_html("a claim[^1].\n\n"), to_html("a claim[^1].\n\n[^1]: words")
    assert Page(before).text.split() == Page(after).text.split()[:2]


@pytest.mark.parametrize(
    "text", ["[^1]: [^1]: words", "[^1]: [^2]: words", "[^1]: > [^1]: words", "a[^1]\n\n[^1]: [^2]: words"]
)
def test_a_footnote_may_stand_in_a_footnote(text: str) -> None:
    html = to_html(text)
    assert_inert(html)
    assert "words" in Page(html).text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[^1]:\n\nNext paragraph", "[1] | Next paragraph"),
        ("[^1]:\n    ```\n    code\n    ```\n\nafter", "[1] code | after"),
        ("[^1]: [^2]: words\n\nafter", "[1][2] words | | after"),
        ("[^1]:\n\n[^2]: two", "[1] | [2] two |"),
    ],
)
def test_the_label_of_a_footnote_stands_in_it_whatever_is_in_it(text: str, words: str) -> None:
    html = to_html(text)
    assert_inert(html)
    code = "</pre></div>"
    assert Page(html.replace(code, "</pre>").replace("</div>", " | ")).text.split() == words.split()


def test_one_click_marks_a_code_block_of_one_line() -> None:
    assert "user-select: all" in to_html("```\npip install it\n```")
    assert "user-select" not in to_html("```\none\ntwo\n```")


def test_code_that_goes_on_has_no_gap_below_it() -> None:
    text = "```\none\n```\n\n```\ntwo\n```\n"
    assert to_html(text).count("margin-bottom") == 2
    first, second = to_html(text, continues=True).split("</pre>")[:2]
    assert "margin-bottom" in first
    assert "margin-bottom" not in second


@pytest.mark.parametrize("nested", ["> " * 300, "- " * 300, "1. " * 300, "- > " * 150, "[" * 300, "![" * 300])
def test_what_is_nested_too_deep_is_shown_as_it_was_written(nested: str) -> None:
    html = to_html(f"before\n\n{nested}word\n\nafter")
    assert_inert(html)
    assert Page(html).text.split() == f"before {nested}word after".split()


@pytest.mark.parametrize(("deep", "is_text"), [(24, False), (25, True)])
def test_words_that_are_marked_too_deep_are_shown_as_they_were_written(deep: int, is_text: bool) -> None:
    text = f"one {'**' * deep}two{'**' * deep}"
    assert Page(to_html(text)).text.strip() == (text if is_text else "one two")


@pytest.mark.parametrize("text", ["[" * 30, "[a " * 30, "![" * 30, "a [ b ![ c", "[" * 30 + "]" * 30, "[x][y]"])
def test_brackets_that_begin_no_link_are_text(text: str) -> None:
    assert Page(to_html(f"{text}\n\n[z]: http://a.example")).text == f"{text.rstrip()}\n"
    assert Page(to_html(f"[x](http://a.example) {text} [x](http://a.example)")).links == 2 * ["http://a.example"]
    assert Page(to_html(f"[^1] {text}[^1]\n\n[^1]: note")).text.split()[0] == "[1]"
    assert Page(to_html(f"[^1] {text}[^1]\n\n[^1]: note")).text.count("[1]") == 3


@pytest.mark.parametrize(
    "text",
    ["[" * 4_000, ("[" * 200 + "\n") * 20, "![" * 2_000, "[a " * 1_300, "[^" * 2_000],
    ids=["a row", "rows", "images", "words", "notes"],
)
@pytest.mark.parametrize("after", ["", "](x)", "\n\n[x]: http://a.example"])
def test_each_bracket_costs_a_few_steps(text: str, after: str) -> None:
    steps = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal steps
        steps += event == "call"

    to_html("[a]")
    sys.setprofile(count)
    try:
        to_html(text + after)
    finally:
        sys.setprofile(None)
    assert steps < 40 * len(text)


@pytest.mark.parametrize(
    ("opening", "closing"), [("*", "*"), ("~~*", "*~~"), ("**_", "_**"), ("[", "](http://a.example)")]
)
def test_no_word_is_lost_however_deep_it_stands(opening: str, closing: str) -> None:
    html = to_html(f"{opening * 300}word{closing * 300}")
    assert_inert(html)
    assert "word" in Page(html).text


_FRAGMENTS = [
    *("a", " ", "\n", "\n\n", "    ", "\t", "- ", "1. ", "> ", "# ", "* ", "|", "\n|-|\n", "---\n", "===\n", "\\"),
    *("`", "``", "```", "```\n", "```mermaid\n", "~~~", "~~", "**", "_", "$", "$$", "$$\n", "^[", "[^1]", "[^1]: "),
    *("[", "]", "![", "](", ")", "[ ] ", "[x]", "[x]: ", "http://a.example", "](http://a.example)", "'", '"', "&", ";"),
    *("<", ">", "</", "/>", "<!--", "-->", "<![CDATA[", "<?", "<script>", "</script>", "<img src=x onerror=y>"),
    *("&lt;", "&#60;", "&#106;", "\x00", "\x1b", "\u202e", "\u2028", "\r", "\u00a0", "\U0001f600"),
]
_LINKS = [
    "javascript:x",
    "](javascript:x)",
    "](data:text/html,x)",
    "](&#106;avascript:x)",
    "<javascript:x>",
    "[x]: data:x",
]
markdown_texts = st.lists(st.sampled_from(_FRAGMENTS), max_size=25).map("".join)
hostile_texts = st.lists(st.sampled_from(_FRAGMENTS + _LINKS), max_size=25).map("".join)


@given(hostile_texts)
def test_nothing_in_the_html_of_any_text_runs_or_is_fetched(text: str) -> None:
    assert_inert(to_html(text))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# One\n\n### Three", "<h1>One</h1>\n<h3>Three</h3>\n"),
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("3. a", '<ol start="3">\n<li>a</li>\n</ol>\n'),
        ("> a", "<blockquote>\n<p>a</p>\n</blockquote>\n"),
        ("a  \nb", "<p>a<br />\nb</p>\n"),
        ("***", "<hr />\n"),
        ("", ""),
        ("$a$", "<p><span>$a$</span></p>\n"),
        ("$$\na\n$$", "<p>$$\na\n$$</p>\n"),
        (r"$\label{x} a$", "<p><span>$ a$</span></p>\n"),
        (r"$\href{x}{a}$", "<p><code>$\\href{x}{a}$</code></p>\n"),
        ("<http://a.example>", f"<p>{_LINK.format('http://a.example')}http://a.example</a></p>\n"),
        ("[a](http://b.example)", f"<p>{_LINK.format('http://b.example')}a</a> <small>(b.example)</small></p>\n"),
        ("[a]()", "<p>a</p>\n"),
        ("x $$a$$ y", "<p>x <span>$$a$$</span> y</p>\n"),
        (r"x \[a\] y \(b\)", "<p>x <span>\\[a\\]</span> y <span>\\(b\\)</span></p>\n"),
        (r"\(a \[b", "<p>(a [b</p>\n"),
        ("a\n\\[\nb\n\\]\nc", "<p>a</p>\n<p>\\[\nb\n\\]</p>\n<p>c</p>\n"),
        ("- a\n\n  \\[\n  b\n  \\]", "<ul>\n<li><p>a</p>\n<p>\\[\nb\n\\]</p>\n</li>\n</ul>\n"),
        (
            "see http://a.example/x, and http://b.example",
            f"<p>see {_LINK.format('http://a.example/x')}http://a.example/x</a>, and"
            f" {_LINK.format('http://b.example')}http://b.example</a></p>\n",
        ),
        (
            r"[\(a\) $b$](http://c.example)",
            f"<p>{_LINK.format('http://c.example')}<span>\\(a\\)</span> <span>$b$</span></a>"
            " <small>(c.example)</small></p>\n",
        ),
        ("![a](http://b.example)", f"<p>{_LINK.format('http://b.example')}[a]</a> <small>(b.example)</small></p>\n"),
    ],
)
def test_markdown_becomes_the_html_that_it_means(text: str, html: str) -> None:
    assert to_html(text) == html


def test_a_table_keeps_its_columns_and_their_sides() -> None:
    page = Page(to_html("| a | b |\n|:--|--:|\n| 1 | 2 |"))
    cells = [(tag, attributes) for tag, attributes in page.tags if tag in ("th", "td")]
    sides = [{"style": "text-align:left"}, {"style": "text-align:right"}]
    assert cells == [("th", sides[0]), ("th", sides[1]), ("td", sides[0]), ("td", sides[1])]
    assert page.text.split() == ["a", "b", "1", "2"]


def test_a_column_of_no_side_is_on_the_left_where_the_front_end_has_it_on_the_right() -> None:
    assert to_html("| a |\n|---|\n| b |").count('style="text-align:left"') == 2


def test_a_task_is_a_box_that_cannot_be_ticked() -> None:
    page = Page(to_html("- [ ] a\n- [x] b\n- [X] b\n- [y] c\n- d [x] "))
    boxes = [attributes for tag, attributes in page.tags if tag == "input"]
    assert ["checked" in box for box in boxes] == [False, True, True]
    assert all("disabled" in box for box in boxes)
    items = [attributes for tag, attributes in page.tags if tag == "li"]
    assert items == [{"style": "list-style-type: none"}] * 3 + [{}] * 2  # a box is mark enough
    assert page.text.split() == ["a", "b", "b", "[y]", "c", "d", "[x]"]


def test_code_is_coloured_between_tags_of_our_own_alone() -> None:
    html = to_html("```python\nx\ny\n```")
    style = f"{CODE_FONT}; white-space: pre; overflow-x: auto; margin-bottom: 1em"
    coloured = '<span class="n">x</span>\n<span class="n">y</span>\n'
    assert html == f'<div class="highlight"><pre style="{style}">{coloured}</pre></div>\n'


def test_code_that_is_too_long_to_colour_is_text() -> None:
    line = "x = 1\n"
    assert "<span" in to_html(f"```python\n{line * 100}```")
    assert "<span" not in to_html(f"```python\n{line * 20_000}```")


def test_a_footnote_that_is_named_twice_leads_back_to_the_first() -> None:
    ids = [attributes["id"] for _, attributes in Page(to_html("a[^1] b[^1]\n\n[^1]: c")).tags if "id" in attributes]
    assert len(ids) == len(set(ids)) == 2


def test_a_text_that_is_shown_hastily_keeps_its_lines() -> None:
    assert as_it_is("a\n<b>") == '<p style="white-space: pre-wrap">a\n&lt;b&gt;</p>\n'


def test_code_has_the_classes_of_its_language_and_all_its_characters() -> None:
    page = Page(to_html("```python\n\ndef f(): return '<&>'  # $x$\n\n\n```"))
    assert ("div", {"class": "highlight"}) in page.tags
    assert ("span", {"class": "k"}) in page.tags
    assert page.text.rstrip() == "\ndef f(): return '<&>'  # $x$"


@pytest.mark.parametrize("language", ["python", ""])
def test_an_empty_line_that_code_begins_with_is_there_on_a_page(language: str) -> None:
    """A browser drops a line end right behind ``<pre>``."""
    assert re.search(r"<pre[^>]*><span></span>\n", to_html(f"```{language}\n\nx = 1\n```"))
    assert "<span></span>" not in to_html(f"```{language}\nx = 1\n```")


@pytest.mark.parametrize("fence", ["```\n{}\n```", "```no-such-language\n{}\n```", "~~~\n{}\n~~~", "```\n{}", "    {}"])
def test_code_in_no_known_language_is_text(fence: str) -> None:
    page = Page(to_html(fence.format("a < b && c")))
    assert [tag for tag, _ in page.tags] == ["div", "pre"]
    assert "margin-bottom: 1em" in page.tags[1][1]["style"]
    assert page.text.strip() == "a < b && c"


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("$a_b$ and $c_d$", ["$a_b$", "$c_d$"]),
        ("$$a_b$$", ["$$a_b$$"]),
        ("so $$a_b$$ it is", ["$$a_b$$"]),
        ("$$\na_b\n$$", ["$$\na_b\n$$"]),
        ("$a<b$", ["$a<b$"]),
        (r"\(a_b\)", [r"\(a_b\)"]),
        (r"so \(a_b\) it is, and \[c_d\] too", [r"\(a_b\)", r"\[c_d\]"]),
        ("\\[\na_b \\\\\nc\n\\]", ["\\[\na_b \\\\\nc\n\\]"]),
        ("the $n$th of $k$s, $5$, $2 x$, $2 \\times 30$", ["$n$", "$k$", "$5$", "$2 x$", "$2 \\times 30$"]),
        ("\u8bbe$x$\u4e3a ($y$)", ["$x$", "$y$"]),
        ("$`a_b`$", ["$`a_b`$"]),
        (r"$a \$ b$", [r"$a \$ b$"]),
        ("x$$a$b$$", ["$$a$b$$"]),
        (r"\(a", []),
        (r"a \) b \( c", []),
        (r"`\(a\)` `$a$`", []),
        ("\\[\na\n\nb\n\\]", []),
        ("> \\[\n> a\n\nb\n\\]", []),
    ],
)
def test_a_formula_stands_alone_in_its_element_as_it_was_written(text: str, formulas: list[str]) -> None:
    assert Page(to_html(text)).formulas == formulas


@pytest.mark.parametrize("line", ["- c", "+ c", "# c"])
def test_a_formula_in_brackets_keeps_its_lines(line: str) -> None:
    text = f"\\[\na\n{line}\n\\]"
    assert Page(to_html(text)).formulas == [text]


@pytest.mark.parametrize(
    "command",
    [
        *(r"\href{javascript:alert(1)}{x}", r"\url{x}", r"\includegraphics{x}", r"\class{a}{x}", r"\cssId{a}{x}"),
        *(
            r"\rule{1000em}{1000em}",
            r"\smash{\raise{60px}{\rlap{\text{x}}}}",
            r"\Rule{9em}{9em}{9em}",
            r"\Space{9em}{9em}{9em}",
        ),
        *(
            r"\lower9em x",
            r"\llap{x}",
            r"\clap{x}",
            r"\mathrlap{x}",
            r"\kern-9em x",
            r"\mkern-99mu",
            r"\mskip-99mu",
            r"\hskip9em",
        ),
        *(r"\underbracket[9em][9em]{x}", r"\overbracket [9em]{x}", r"\skew{9000}{\hat}{x}", r"\minCDarrowheight{99em}"),
        *(r"\hspace{-9em}", r"\hspace*{9em}", r"\vspace{9em}", r"\moveleft9em x", r"\raisebox{9em}{x}", r"\above9em x"),
        *(
            r"a \\[1000em] b",
            r"a \\*[-3em] b",
            r"a \newline[99em] b",
            r"\genfrac(){99em}{}{a}{b}",
            r"\genfrac{}{}{99pt}{}{a}{b}",
        ),
        *(r"\begin{array}{p{99em}}a\end{array}", r"\enclose{box}[data-padding=99em]{x}", r"\!" * 8, r"\uproot{99}"),
        *(
            r"\DeclareMathOperator\sum{x}",
            r"\begin{spreadlines}{99em}a\end{spreadlines}",
            r"\cancel[data-padding=99em]{x}",
        ),
        *(
            r"\textllap{x}",
            r"\textrlap{x}",
            r"\refeq{x}",
            r"\definecolor{black}{rgb}{1,1,1}",
            r"\label a",
            r"\label{a{b}}",
        ),
        *(r"\style{color:red}{x}", r"\require{html}", r"\def\a{x}", r"\newcommand{\a}{x}", r"\let\a=\href"),
    ],
)
@pytest.mark.parametrize("delimiters", ["${}$", "$${}$$", "$$\n{}\n$$", r"\({}\)", r"\[{}\]"])
def test_a_formula_that_could_do_more_than_show_itself_is_shown_as_text(command: str, delimiters: str) -> None:
    html = to_html(delimiters.replace("{}", command))
    assert_inert(html)
    assert Page(html).formulas == []
    assert command in Page(html).text


@pytest.mark.parametrize(
    ("begin", "end", "deepest"),
    [
        *(
            (r"\cfrac{1}{1+", "}", 24),
            (r"\sqrt{", "}", 24),
            (r"\left(", r"\right)", 24),
            (r"\xrightarrow[a]{", "}", 10),
        ),
        *((r"\pmb{", "}", 10), (r"\{\frac{\xi}{", r"}\}", 24), (r"\displaystyle ", "", 96), (r"\color{red}", "", 92)),
    ],
)
def test_a_formula_that_is_nested_too_deep_for_a_page_is_shown_as_text(begin: str, end: str, deepest: int) -> None:
    for times in (deepest, deepest + 1):
        formula = f"{begin * times}x{end * times}"
        assert Page(to_html(f"${formula}$")).formulas == ([f"${formula}$"] if times == deepest else [])
        assert formula in Page(to_html(f"${formula}$")).text


def test_a_proof_of_many_steps_is_shown_as_text() -> None:
    proof = r"$\begin{prooftree}\AxiomC{a}%s\end{prooftree}$"
    assert Page(to_html(proof % (r"\UnaryInfC{b}" * 20))).formulas
    assert not Page(to_html(proof % (r"\UnaryInfC{b}" * 30))).formulas


def test_what_stands_side_by_side_is_not_deep() -> None:
    formula = "$" + r"\begin{aligned}\frac{a}{\sqrt{b}} &= \xrightarrow[a]{\text{b}} \\ \end{aligned}" * 50 + "$"
    assert Page(to_html(formula)).formulas == [formula]


@pytest.mark.parametrize(
    "tex",
    [
        r"\frac{a}{b}",
        r"\hrefs",
        r"\classical",
        r"\text{href}",
        r"\defs",
        "a = b",
        "",
        r"a \\[2pt] b",
        r"a \\ [x] b",
        r"\phantom{x}",
        r"\binom{n}{k}",
        r"\genfrac{}{}{0pt}{}{n}{k}",
        r"\Huge x",
        r"a\!b\,c",
        r"\begin{array}{c|c}a\end{array}",
        r"\begin{bmatrix}{p}\end{bmatrix}",
        r"\rules",
        r"\cancel{x}",
        r"\lowercase",
    ],
)
def test_a_formula_that_only_shows_something_is_let_be(tex: str) -> None:
    assert not does_more_than_show(tex)


@pytest.mark.parametrize("text", ["<b>&amp;</b>", "$a$ \\(b\\)", "**a** [b](http://c.example)", "\x1b\u202e", "\"'"])
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    html = plain(text)
    assert_inert(html)
    assert Page(html).formulas == []
    assert Page(html).text == text.replace("\x1b", "\u241b").replace("\u202e", "\u27e8U+202E\u27e9")


@pytest.mark.parametrize("text", ["$$a$$ (where a is large)", "$$\na\n$$ (7)", "[^1]: a note to nothing"])
def test_no_words_of_a_reply_are_lost(text: str) -> None:
    shown = Page(to_html(text)).text
    assert [word for word in re.findall(r"\w+", text) if word not in shown] == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "costs $5 and $6",
            "$5",
            r"\$5 and \$6",
            "**$5** and $6",
            "from $5/month to $6/month",
            "$ a $ b $",
            "US$5, US$6",
        ),
        *("| $5 | $6 |\n|--|--|\n| $7 | $8 |", "[$5 or $6](http://a.example)", "![$5 or $6](http://a.example)"),
        *("# $5 and $6", "- $5 and $6", "$HOME and $PATH, then", "($5, $6)"),
        *("Set $HOME and `$PATH` first, then `$SHELL`.", "Costs $5 and $6. R: df$a and df$b.", "$HOME:$PATH"),
        *("$5 (US$)", "$5 \u2026 4,50$", "a$b$", "$a$b", "$a`b`$ `$`", "$$ is `$$`", "set $a to `x` $"),
    ],
)
def test_dollars_that_are_prices_stay_prices(text: str) -> None:
    page = Page(to_html(text))
    assert page.text.count("$") == text.count("$")
    assert page.formulas == []


@pytest.mark.parametrize(
    "text",
    [
        "df$a and df$b",
        "$HOME and `$PATH`,",
        "$5 (US$) or",
        "US$5 or $",
        "$a$b,",
        "$$ is `$$`:",
        "$x$ and",
        r"\(a*b\) and \[c_d\] and",
    ],
)
def test_dollars_in_a_line_that_is_still_being_written_are_what_they_will_be(text: str) -> None:
    half, whole = to_html(mend(f"{text} *soft")), to_html(f"{text} *soft*")
    assert half == whole
    assert "<em>soft</em>" in half


@pytest.mark.parametrize(
    "text",
    ["see $a *b", "see $a_", "see $$a *b", "see $$a $", "see $`a*b", "$HOME:$PATH *b", r"see \(a *b", r"see \[a *b"],
)
def test_a_formula_that_is_still_being_written_is_let_be(text: str) -> None:
    assert mend(text) in (text, text.rstrip("$"))


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        *(("a *b", "a *b*"), ("a **b", "a **b**"), ("a ***b", "a ***b***"), ("a ~~b", "a ~~b~~"), ("_a *b", "_a *b*_")),
        *(("a **b*", "a **b**"), ("*a **b* c", "*a **b* c**"), ("**a `b*` c", "**a `b*` c**"), ("a *", "a ")),
        *(("a `b", "a `b`"), ("a ``b` c", "a ``b` c``"), ("a * b", "a * b"), ("a_b_c", "a_b_c"), ("a *b*", "a *b*")),
        *(("[a", "a"), ("[a](", "a"), ("[a](http://x", "a"), ("[a][b", "a"), ("![a](http", "a"), ("a [^1", "a ")),
        *(("a!", "a"), ("a \\", "a "), ("a $", "a "), ("a ~", "a "), ("a \\\\", "a \\\\"), ("- [ ", "")),
        *(("- *a", "- *a*"), ("> **a", "> **a**"), ("- a\n  *b", "- a\n  *b*"), ("one\n**two", "one\n**two**")),
        *(("```py\n*x", "```py\n*x"), ("```py\nx\n``", "```py\nx"), ("| *a | b", "| *a | b\n|---|---|\n")),
        ("| a | b |\n|--", "| a | b |\n|---|---|\n"),
        *(("| a | **b", "| a | **b**\n|---|---|\n"), ("| a |\n|---|\n| `b", "| a |\n|---|\n| `b`")),
        *(("|a|\n|-|\n|x \\", "|a|\n|-|\n|x "), ("|a|\n|-|\n|x \\|", "|a|\n|-|\n|x \\|")),
        *(
            ("[a](http://x/b_(c", "a"),
            ("[a](http://x/b_(c)", "a"),
            ('[a](http://x "the ti', "a"),
            ("[a](b) c", "[a](b) c"),
        ),
        *(
            ("see x_(y", "see x_(y"),
            ("http://x/_y z", "http://x/_y z"),
            ("[a](http://x/_(y)) b", "[a](http://x/_(y)) b"),
        ),
        *(("**\u6ce8\uff1a**\u8fd9", "**\u6ce8\uff1a**\u8fd9"), ("\u6ce8**\u201c\u8fd9", "\u6ce8**\u201c\u8fd9**")),
        *(("*a " * 24 + "b", "*a " * 24 + "b" + "*" * 24), ("*a " * 25 + "b", "*a " * 25 + "b")),
        *(("a & b", "a & b"), ("R&D", "R"), ("R&D ", "R&D "), ("a &am", "a "), ("a &#3", "a "), ("a &amp;", "a &amp;")),
        *(("````md\n```", "````md"), ("````md\n```py", "````md\n```py")),
    ],
)
def test_what_is_half_written_is_shown_as_what_it_will_be(text: str, mended: str) -> None:
    assert mend(text) == mended


def what_it_would_do(markdown: str) -> list[str]:
    """What a renderer that lets everything through would do with ``markdown``, beside showing text and links."""
    renderer = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(["table", "strikethrough"])
    renderer.validateLink = lambda url: True  # type: ignore[method-assign]  # markdown-it documents it
    page = Page(renderer.render(markdown))
    tags = [tag for tag, _ in page.tags if tag not in _PLAIN]
    handlers = [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    links = [link for link in page.links if not re.match("https?://|mailto:", link, re.IGNORECASE)]
    languages = [attributes["class"] for tag, attributes in page.tags if tag == "code" and "class" in attributes]
    drawn = [name for name in languages if name.lower() in ("language-mermaid", "language-html", "language-svg")]
    return page.oddities + tags + handlers + links + drawn


def test_where_the_parser_itself_fails_the_words_are_shown_and_nothing_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RecursionError("deeper than anybody thought")

    text = "one <img src=x onerror=alert(1)>\n```\n<script>![two](http://a.example)</script>"
    with monkeypatch.context() as patched:
        patched.setattr(MarkdownIt, "parse", fail)
        html, markdown = to_html(text), inert_markdown(text)
    assert caplog.text.count("RecursionError: deeper than anybody thought") == 2
    assert_inert(html)
    assert what_it_would_do(markdown) == []
    for shown in (html, to_html(markdown)):
        assert Page(shown).text.split() == text.split()


@pytest.mark.parametrize("text", _HOSTILE, ids=range(len(_HOSTILE)))
def test_nothing_in_the_inert_markdown_of_a_hostile_text_runs_or_is_fetched(text: str) -> None:
    assert what_it_would_do(inert_markdown(text)) == []


@given(hostile_texts)
@example("- ```mermaid\n  graph\n  ```")
@example("> ~~~mermaid\n> graph")
@example("\\![x](http://a.example) \\\\![x](http://a.example)")
@example("```\n````\n<img>\n")
def test_nothing_in_the_inert_markdown_of_any_text_runs_or_is_fetched(text: str) -> None:
    assert what_it_would_do(inert_markdown(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))",
        "[x](<javascript:alert(1)>)",
        "[x]( javascript:alert(1))",
        "[x](\njavascript:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](javascript:alert(1) 'title')",
        "[x](data:text/html,y)",
        "[x](/tree)",
        "[x][y]\n\n[y]: javascript:alert(1)",
        "[x]\n\n[x]:\njavascript:alert(1)",
        "[x]\n\n> [x]: javascript:alert(1)",
        "[x\\]](javascript:alert(1))",
        "![x](data:text/html,y)",
        "- [x](javascript:alert(1))",
        "# [x](javascript:alert(1))",
        "| [x](javascript:alert(1)) |\n|---|",
        "`[x](` [x](javascript:alert(1))",
        "<javascript:alert(1)>",
    ],
)
def test_no_link_of_the_inert_markdown_leads_elsewhere_than_to_the_web_or_mail(text: str) -> None:
    assert what_it_would_do(inert_markdown(text)) == []


@pytest.mark.parametrize("text", ["[x](https://a.example/b?c=d#e)", "[x](mailto:a@b.example)", "https://a.example"])
def test_a_link_to_the_web_or_to_mail_stays_in_the_inert_markdown(text: str) -> None:
    assert inert_markdown(text) == text


@given(hostile_texts)
@example("`<img src=x>` ``<!-- ` -->``")
@example("- ```\n  <img src=x>\n  ```\n> ~~~\n> </script>\n> ~~~")
def test_outside_of_code_blocks_inert_markdown_begins_no_tag_and_no_image(text: str) -> None:
    inert = inert_markdown(text)
    lines = inert.split("\n")
    for token in MarkdownIt("commonmark", {"html": False}).parse(inert):
        if token.type in ("fence", "code_block") and token.map and token.level == 0:
            lines[token.map[0] + 1 : token.map[1]] = [""] * (token.map[1] - token.map[0] - 1)
    assert not re.search(r"<[A-Za-z/!?]", "\n".join(lines))
    assert "![" not in "\n".join(lines)


@pytest.mark.parametrize(
    "language",
    [
        *(
            "mermaid",
            "Mermaid",
            "mermaid x",
            "html",
            "svg",
            "vega",
            "vega-lite",
            "latex",
            "math",
            "geojson",
            "topojson",
        ),
        *("stl", "plotly", "jsx", "{.mermaid}", 'a"b', "x" * 21),
    ],
)
def test_a_code_block_that_a_front_end_would_draw_is_text(language: str) -> None:
    assert inert_markdown(f"```{language}\ngraph TD\n```") == "```text\ngraph TD\n```"


@pytest.mark.parametrize("language", ["python", "c++", "C#", "objective-c", "text"])
def test_a_code_block_keeps_its_language_and_its_code(language: str) -> None:
    text = f"```{language}\nif a < b:\n    ![x] `` `\n```"
    assert inert_markdown(text) == text


def test_a_fence_in_a_code_block_does_not_end_it() -> None:
    inert = inert_markdown("~~~\n```\n````\n<img src=x>\n~~~")
    assert inert.split("\n", 1)[1] == "```\n````\n<img src=x>\n`````"
    assert what_it_would_do(inert) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a\n\nb\n",
        "# a\n\n- b\n  - c\n\n> d\n\n| e |\n|---|\n| f |\n",
        "*a* **b** [c](http://d.example)",
        "a\n\n\n\nb",
    ],
)
def test_markdown_that_does_nothing_is_inert_as_it_is(text: str) -> None:
    assert inert_markdown(text) == text


_LINES = [
    *("", "word", "- item", "1. one", "> quote", "# head", "*a* **b**", "[x](http://a.example)", "    indented <i>"),
    *("a <b> c \\<d> \\\\<e> \\\\\\<f>", "<img src=x>", "`code` and ``c ` d``", "x `<b>` y", "$a_b$", "``` open"),
    *("```py\nx = 1\n```", "~~~\n<b>\n~~~", "- ```js\n  <s>\n  ```", "> ~~~\n> <u>`\n> ~~~"),
]


@given(st.lists(st.sampled_from(_LINES), max_size=12).map("\n".join))
@example("before\n```\na\n```\nbetween\n- ```\n  b\n  ```\nafter")
def test_the_inert_markdown_shows_the_words_that_the_html_shows(text: str) -> None:
    shown, expected = (re.findall(r"\w+", Page(to_html(each)).text) for each in (inert_markdown(text), text))
    assert shown == expected


@pytest.mark.parametrize(
    ("text", "inert"),
    [
        ("a <b>", "a &lt;b>"),
        ("\\<b>", "&lt;b>"),
        ("\\\\<b>", "\\\\&lt;b>"),
        ("`<b>` <b>", "`<\u200cb>` &lt;b>"),
        ("``` a\nb", "```a\nb\n```"),
        ("![a](http://b.example)", "!\\[a](http://b.example)"),
        ("[a](/b)", "[a]\\(/b)"),
        ("- ```html\n  <b>\n  ```", "- ```text\n  <\u200cb>\n  ```"),
    ],
)
def test_what_could_do_something_is_taken_apart_and_looks_the_same(text: str, inert: str) -> None:
    assert inert_markdown(text) == inert


def settle(text: str, chunks: Iterable[str]) -> list[str]:
    """The settled parts of a text that comes in ``chunks``, and the rest as the last one."""
    blocks = Blocks()
    parts: list[str] = []
    fed = ""
    for chunk in chunks:
        fed += chunk
        parts += filter(None, [blocks.feed(chunk)])
        assert "".join(parts) + blocks.tail == fed
    return [*parts, blocks.finish()]


def cut(text: str, places: Iterable[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places})
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def in_steps(text: str, step: int) -> list[str]:
    return [text[start : start + step] for start in range(0, len(text), step)]


def block_starts(text: str) -> list[int]:
    """The lines on which the top-level blocks of ``text`` begin."""
    tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(text)
    return [token.map[0] for token in tokens if token.map and token.level == 0 and token.nesting >= 0]


places = st.lists(st.integers(0, 2_000), max_size=20)
# What is written without dollars and brackets: a formula and a definition may reach over blocks, see below.
simple_texts = st.lists(
    st.sampled_from([each for each in _FRAGMENTS if not set(each) & set("$[]\r\x00\u2028")] + ["\n"] * 6), max_size=40
).map("".join)


@given(markdown_texts.map(lambda text: text.replace("\r", "\n")), places)
def test_settled_blocks_and_the_rest_are_the_text_however_it_is_cut(text: str, places: list[int]) -> None:
    assert "".join(settle(text, cut(text, places))) == text


# The parser takes it for a line end.
def test_a_lone_carriage_return_adds_nothing() -> None:
    text = "\r\r\r\ra\n\nb\n"
    assert "".join(settle(text, [text])) == text


@given(simple_texts, places)
def test_a_settled_block_is_a_block_of_the_whole_text_too(text: str, places: list[int]) -> None:
    starts = []
    line = 0
    for part in settle(text, cut(text, places)):
        starts += [line + start for start in block_starts(part)]
        line += part.count("\n")
    assert starts == block_starts(text)


_BLOCKS = [
    "A paragraph.",
    "A paragraph\nof two lines, *starred\nover their end*.",
    "# A heading",
    "Another heading\n===============",
    "---",
    "```python\ndef f():\n\n    return '# no heading'\n\n\n- no list\n```",
    "~~~\n```\n\n# no heading\n~~~",
    "| a | b |\n|---|--:|\n| 1 | 2 |",
    "> A quotation\n> of two lines\n\nand what follows it.",
    "> - a list\n>\n> in a quotation",
    "$$\na = b\n$$",
    "$$a = b$$",
    "Prices of $5 and $6, and $a_b$.",
    "- a\n- b\n  - c\n\n    d\n- e\n\nAfter a list.",
    "1. a\n\n   ```\n   code\n\n   in a list\n   ```\n2. b\n\nAfter another.",
    "- [ ] a\n- [x] b\n\nAfter the tasks.",
    "<div>\n\nno block of HTML\n\n</div>",
    "    indented code\n\n    of two blocks\n\nAfter it.",
]
documents = st.lists(st.sampled_from(_BLOCKS), max_size=6).map("\n\n".join)


@given(documents, places)
@example("\n\n".join(_BLOCKS), [])
def test_settled_blocks_look_alone_as_they_do_in_the_whole(text: str, places: list[int]) -> None:
    for chunks in (cut(text, places), in_steps(text, 1 + len(places))):
        assert "".join(map(to_html, settle(text, chunks))) == to_html(text)


# Until its end has come a formula is no block to the parser, and its lines may look like other blocks.
@pytest.mark.parametrize(
    "line", ["- c", "+ c", "# c", "---", "> c", "1. c", "```", "| c |", "$c", "\\\\", "\\begin{x}"]
)
@pytest.mark.parametrize(
    "opening", ["$$", "\\[", "After $$x$$:\n\\[", "After \\[x\\]:\n$$", "$$x$$\n\n\\[", "- x\n\n\\["]
)
@pytest.mark.parametrize("step", [1, 3, 1_000])
def test_a_display_formula_is_one_block(opening: str, line: str, step: int) -> None:
    closing = "\\]" if opening.endswith("[") else "$$"
    text = f"{opening}\na = b\n{line}\n{closing}\n\nAfter it.\n"
    assert "".join(map(to_html, settle(text, in_steps(text, step)))) == to_html(text)


@pytest.mark.parametrize(
    ("text", "more", "settled"),
    [
        ("a\n\n", "b", "a\n\n"),
        ("a\n", "b", ""),
        ("a\n", "\nb", "a\n\n"),
        ("# a\n", "b\n", "# a\n"),
        ("a\n", "# b\n", "a\n"),
        ("a\n", "#", ""),
        ("- a\n\n", "b", ""),
        ("- a\n\n", "b\n", "- a\n\n"),
        ("- a\n\n", "  b\n", ""),
        ("```\na\n\n", "b\n", ""),
        ("```\na\n```\n", "b\n", "```\na\n```\n"),
        ("```\na\n```", "\nb\n", "```\na\n```\n"),
        ("    a\n\n", "b", ""),
        ("    a\n\n", "b\n", "    a\n\n"),
        ("| a |\n|---|\n", "| b |\n", ""),
        ("> a\n", "b\n", ""),
        ("> a\n\n", "b\n", "> a\n\n"),
        ("a\n\n\n\n", "b", "a\n\n\n\n"),
        ("a\n\nb\n\nc\n\n", "d", "c\n\n"),
        ("<!--\n\nb\n\n", "c", "b\n\n"),
        ("<pre>\n\nb\n\n", "c", "b\n\n"),
    ],
)
def test_a_block_is_settled_when_another_has_surely_begun(text: str, more: str, settled: str) -> None:
    blocks = Blocks()
    blocks.feed(text)
    assert blocks.feed(more) == settled


def test_the_end_settles_the_rest() -> None:
    blocks = Blocks()
    blocks.feed("a\n\nb")
    assert (blocks.tail, blocks.finish(), blocks.tail, blocks.finish()) == ("b", "b", "", "")


def test_nothing_fed_settles_nothing() -> None:
    blocks = Blocks()
    assert [blocks.feed(""), blocks.feed("\n"), blocks.feed("  \n\n"), blocks.finish()] == ["", "", "", "\n  \n\n"]
