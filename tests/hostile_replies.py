r"""Replies of a model that means harm, or repeats what somebody who does has slipped into its context.

Gathered from the filter-evasion literature (OWASP's cheat sheet, the HTML5 security cheat sheet, reports of mutation
XSS, Markdown renderers' own advisories) and from what notebook front ends load or run by themselves: raw HTML, mermaid,
Vega, widget views, remote images, TeX with extensions.

In a text, ``«run»`` stands for script that calls ``alert`` with the reply's name, and ``«url»`` for an address that
somebody watches.  Each text names the words that a reader must be able to read all the same, in order of appearance.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HOSTILE_REPLIES", "HostileReply"]


@dataclass(frozen=True, slots=True)
class HostileReply:
    """One reply.  ``phrases`` must stay readable, whatever becomes of the rest."""

    name: str
    template: str
    phrases: tuple[str, ...]

    def text(self, canary: str) -> str:
        """The reply, with ``canary`` (a base URL without a slash at its end) as what it calls home."""
        script = f"alert(/{self.name}/)"  # no quotes, no blanks and no "=": it fits into any attribute
        return self.template.replace("«run»", script).replace("«url»", f"{canary}/{self.name}")


_RAW_HTML = {
    "script": ("Look <script>«run»</script> here", "Look <script>", "</script> here"),
    "script-src": ("Look <script src=«url»></script> here", "</script> here"),
    "script-block": ("<script>\n«run»\n</script>\n\nbelow", "</script>", "below"),
    "script-case": ("<ScRiPt >«run»</sCrIpT > mixed case", "mixed case"),
    "script-slash": ("<script/x>«run»</script> slash", "slash"),
    "script-nested": ("<scr<script>ipt>«run»</scr</script>ipt> nested", "nested"),
    "script-extra-brackets": ("<<script>«run»;//<</script> brackets", "brackets"),
    "script-unclosed": ("before <script>«run»", "before <script>"),
    "script-no-closing-brackets": ("before <script src=«url»?<b>", "before <script"),
    "script-module": ('<script type="module">import "«url»";«run»</script> module', "module"),
    "script-in-svg": ("<svg><script>«run»</script></svg> drawn", "drawn"),
    "script-in-svg-href": ('<svg><script href="«url»" /></svg> drawn', "drawn"),
    "script-xml-entity": ("<svg><script>&#97;lert(/script-xml-entity/)</script></svg> entity", "entity"),
    "script-split-by-blank-line": ("<script>\n\n«run»\n\n</script>\n\nafter it", "<script>", "after it"),
    "widget-script": (
        'See <script type="application/vnd.jupyter.widget-view+json">{"version_major": 2, "model_id": "x"}</script> it',
        "widget-view+json",
        "it",
    ),
    "img-onerror": ("An <img src=x onerror=«run»> image", "An <img", "image"),
    "img-onerror-quoted": ('An <img src="x" onerror="«run»"> image', "An <img", "image"),
    "img-src": ("An <img src=«url»> image", "image"),
    "img-srcset": ('An <img srcset="«url» 1x, «url» 2x"> image', "image"),
    "img-unclosed": ("An image <img src=x onerror=«run»//", "An image <img"),
    "img-lines": ("An <img\nsrc=x\nonerror\n=\n«run»\n> image", "An <img", "image"),
    "img-slashes": ("An <img/src=x/onerror=«run»> image", "image"),
    "img-malformed-quotes": ('An <img """><script>«run»</script>"> image', "image"),
    "img-entities": ("An <img src=x onerror=&#97;lert(/img-entities/)> image", "image"),
    "img-null": ("An <img\0 src=x onerror=«run»> image\0", "An <img", "image"),
    "img-vertical-tab": ("An <img\x0bsrc=x\x0conerror=«run»> image", "image"),
    "img-lowsrc": ("An <img dynsrc=«url» lowsrc=«url»> image", "image"),
    "image-element": ("An <image src=x onerror=«run»> image", "image"),
    "picture": ("<picture><source srcset=«url»><img></picture> picture", "picture"),
    "svg-onload": ("<svg onload=«run»> drawn", "drawn"),
    "svg-onload-slash": ("<svg/onload=«run»/> drawn", "drawn"),
    "svg-block": ('<svg xmlns="http://www.w3.org/2000/svg" onload="«run»"></svg>\n\nbelow', "below"),
    "svg-image": ('<svg><image href="«url»" xlink:href="«url»"/></svg> drawn', "drawn"),
    "svg-use": ('<svg><use href="data:image/svg+xml,<svg id=x onload=«run»>#x"/></svg> drawn', "drawn"),
    "svg-animate": (
        "<svg><a><animate attributeName=href values=javascript:«run» /><text y=20>press</text></a></svg> drawn",
        "press",
        "drawn",
    ),
    "svg-set": ('<svg><set attributeName="onmouseover" to="«run»"/></svg> drawn', "drawn"),
    "svg-foreign-object": ("<svg><foreignObject><iframe src=«url»></iframe></foreignObject></svg> drawn", "drawn"),
    "svg-animate-onbegin": ("<svg><animate onbegin=«run» attributeName=x dur=1s> drawn", "drawn"),
    "math-href": ('<math href="javascript:«run»">press</math> here', "press", "here"),
    "math-maction": (
        '<math><maction actiontype="statusline#«url»" xlink:href="javascript:«run»">press</maction></math> here',
        "press",
        "here",
    ),
    "mutation-math-style": (
        '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=«run»&gt;"> end',
        "end",
    ),
    "mutation-noscript": ('<noscript><p title="</noscript><img src=x onerror=«run»>"> end', "end"),
    "mutation-style-svg": ('<svg></p><style><a id="</style><img src=x onerror=«run»>"> end', "end"),
    "mutation-form-math": ("<form><math><mtext></form><form><mglyph><style></math><img src onerror=«run»> end", "end"),
    "mutation-textarea": ('<textarea><p title="</textarea><img src=x onerror=«run»>"> end', "end"),
    "mutation-title": ('<title><p id="</title><img src=x onerror=«run»>"></title> end', "end"),
    "mutation-xmp": ('<xmp><p title="</xmp><svg/onload=«run»>"> end', "end"),
    "mutation-template": ("<template><img src=x onerror=«run»></template> end", "end"),
    "mutation-comment": ("<!--><img src=x onerror=«run»>--> end", "end"),
    "mutation-comment-bang": ("<!-- --!><img src=x onerror=«run»> --> end", "end"),
    "mutation-cdata": ("<![CDATA[><img src=x onerror=«run»>]]> end", "end"),
    "mutation-processing": ("<?xml ><img src=x onerror=«run»> ?> end", "end"),
    "mutation-declaration": ('<!DOCTYPE x [<!ENTITY y SYSTEM "«url»">]><img src=x onerror=«run»> end', "end"),
    "mutation-plaintext": ("all <plaintext> of it\n\nis readable", "all <plaintext> of it", "is readable"),
    "mutation-closing-tags": ("</div></pre></small></body></html><img src=x onerror=«run»> end", "end"),
    "details-ontoggle": ("<details open ontoggle=«run»><summary>more</summary></details> here", "more", "here"),
    "body-onload": ("<body onload=«run»> here", "here"),
    "input-autofocus": ("<input autofocus onfocus=«run»> here", "here"),
    "select-autofocus": ("<select autofocus onfocus=«run»><option>one</select> here", "one", "here"),
    "marquee": ("<marquee onstart=«run»>runs</marquee> here", "runs", "here"),
    "video-onerror": ("<video><source onerror=«run»></video> played", "played"),
    "video-src": ("<video src=«url» poster=«url» autoplay></video> played", "played"),
    "audio-src": ("<audio src=«url» onerror=«run» autoplay></audio> played", "played"),
    "track-src": ("<video><track default src=«url»></video> played", "played"),
    "iframe-src": ("<iframe src=«url»></iframe> framed", "framed"),
    "iframe-srcdoc": ('<iframe srcdoc="<script>«run»</script>"></iframe> framed', "framed"),
    "iframe-srcdoc-entities": (
        '<iframe srcdoc="&lt;img src=x onerror=&#97;lert(/iframe-srcdoc-entities/)&gt;"></iframe> framed',
        "framed",
    ),
    "iframe-javascript": ("<iframe src=javascript:«run»></iframe> framed", "framed"),
    "iframe-data": ('<iframe src="data:text/html,<script>«run»</script>"></iframe> framed', "framed"),
    "frameset": ("<frameset><frame src=javascript:«run»></frameset> framed", "framed"),
    "object-data": ("<object data=«url»></object> embedded", "embedded"),
    "object-javascript": ("<object data=javascript:«run»></object> embedded", "embedded"),
    "embed-src": ("<embed src=«url»> embedded", "embedded"),
    "applet": ("<applet code=«url» archive=«url»></applet> embedded", "embedded"),
    "meta-refresh": ('<meta http-equiv="refresh" content="0;url=«url»"> refreshed', "refreshed"),
    "meta-refresh-javascript": ('<meta http-equiv="refresh" content="0;url=javascript:«run»"> fresh', "fresh"),
    "base-href": ('<base href="«url»/"><img src=relative.png> [based](page.html) words', "based", "words"),
    "link-stylesheet": ("<link rel=stylesheet href=«url»> styled", "styled"),
    "link-prefetch": (
        "<link rel=prefetch href=«url»><link rel=preload as=image href=«url»><link rel=icon href=«url»> fetched",
        "fetched",
    ),
    "link-import": ("<link rel=import href=«url»> imported", "imported"),
    "style-import": ("<style>@import '«url»';</style> styled", "styled"),
    "style-block": ("<style>\n* { display: none }\nbody { background: url(«url») }\n</style>\n\nbelow", "below"),
    "style-attribute": ('<div style="background: url(«url»)">styled</div> here', "styled", "here"),
    "style-expression": ('<div style="width: expression(«run»); behavior: url(«url»)">styled</div>', "styled"),
    "style-overlay": ('<a href="«url»" style="position: fixed; inset: 0; z-index: 9999">over all</a>', "over all"),
    "table-background": ("<table background=«url»><td background=«url»>cell</table> laid out", "cell", "laid out"),
    "form-action": ("<form action=«url»><button>send</button></form> asked", "send", "asked"),
    "form-formaction": ("<form><button formaction=javascript:«run»>send</button></form> asked", "send", "asked"),
    "a-javascript": ('Press <a href="javascript:«run»">here</a> now', "here", "now"),
    "a-javascript-tab": ('Press <a href="jav&#x09;ascript:«run»">here</a> now', "here", "now"),
    "a-javascript-newline": ('Press <a href="java\nscript:«run»">here</a> now', "here", "now"),
    "a-javascript-entity": ('Press <a href="&#106;avascript&colon;«run»">here</a> now', "here", "now"),
    "a-ping": ('Press <a href="https://example.org" ping="«url»">here</a> now', "here", "now"),
    "a-clobber": ("<a id=jupyterapp name=jupyterapp></a><form id=Jupyter name=MathJax></form> words", "words"),
    "command-link": (
        'Press <button data-commandlinker-command="docmanager:delete-file" '
        'data-commandlinker-args=\'{"path": "x"}\'>here</button> now',
        "here",
        "now",
    ),
    "entities-tag": ("As text: &lt;img src=x onerror=«run»&gt; it is", "As text: <img", "it is"),
    "entities-numeric": ("As text: &#60;img src=x onerror=«run»&#62; it is", "As text: <img", "it is"),
    "entities-twice": ("As text: &amp;lt;img src=x onerror=«run»&amp;gt; it is", "As text: &lt;img", "it is"),
    "escaped-bracket": (r"As text: \<img src=x onerror=«run»\> it is", "it is"),
    "fullwidth-brackets": ("As text: \uff1cimg src=x onerror=«run»\uff1e it is", "it is"),
    "utf-7": ("As text: +ADw-script+AD4-«run»+ADw-/script+AD4- it is", "it is"),
}

_LINKS_AND_IMAGES = {
    "link-javascript": ("Press [here](javascript:«run») now", "here", "now"),
    "link-javascript-case": ("Press [here](JaVaScRiPt:«run») now", "here", "now"),
    "link-javascript-entity": ("Press [here](&#106;avascript&colon;«run») now", "here", "now"),
    "link-javascript-tab": ("Press [here](java&Tab;script:«run») now", "here", "now"),
    "link-javascript-newline": ("Press [here](java&NewLine;script:«run») now", "here", "now"),
    "link-javascript-control": ("Press [here](\x01javascript:«run») now", "here", "now"),
    "link-javascript-brackets": ("Press [here](<javascript:«run»>) now", "here", "now"),
    "link-javascript-blank": ("Press [here]( javascript:«run» ) now", "here", "now"),
    "link-javascript-escaped": (r"Press [here](\javascript:«run») now", "here", "now"),
    "link-javascript-colon": (r"Press [here](javascript\:«run») now", "here", "now"),
    "link-javascript-comment": ("Press [here](javascript://example.org/%0A«run») now", "here", "now"),
    "link-javascript-newline-inside": ("Press [here](\njavascript:«run»\n) now", "here", "now"),
    "link-data": ("Press [here](data:text/html,<script>«run»</script>) now", "here", "now"),
    "link-data-base64": ("Press [here](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==) now", "here"),
    "link-vbscript": ("Press [here](vbscript:msgbox(1)) now", "here", "now"),
    "link-file": ("Press [here](file:///etc/passwd) or [there](blob:null/x) now", "here", "there", "now"),
    "link-relative": ("Press [here](/lab/api/shutdown) or [there](//example.org) now", "here", "there", "now"),
    "link-feed": ("Press [here](feed:javascript:«run») or [there](view-source:«url») now", "here", "there", "now"),
    "link-title": ('Press [here](https://example.org "x\\" onmouseover=«run» y=\\"") now', "here", "now"),
    "link-quote": ('Press [here](https://example.org/"onmouseover=«run»") now', "here", "now"),
    "link-quote-entity": ("Press [here](https://example.org/&quot;onmouseover=«run»&quot;) now", "here", "now"),
    "link-html-inside": ("Press [<img src=x onerror=«run»>](https://example.org) now", "Press <img", "now"),
    "link-image-inside": ("Press [![drawing](«url»)](javascript:«run») now", "drawing", "now"),
    "link-nested": ("Press [a [here](javascript:«run») b](javascript:«run») now", "here", "now"),
    "link-phishing": (
        "Press [https://bank.example](https://evil.example/x) now",
        "bank.example",
        "(evil.example)",
        "now",
    ),
    "link-userinfo": ("Press [bank](https://bank.example@evil.example/) now", "bank", "(evil.example)", "now"),
    "link-reference": ("Press [here][1] now\n\n[1]: javascript:«run»", "here", "now"),
    "link-reference-lines": ("Press [here][1] now\n\n[1]:\njavascript:«run»\n'title'\n", "here", "now"),
    "link-reference-short": ('Press [here] now\n\n[here]: <javascript:«run»> "title"', "here", "now"),
    "link-reference-quoted": ("Press [here][] now\n\n> [here]: javascript:«run»", "here", "now"),
    "link-reference-data": ("Press [here][1] now\n\n  [1]: data:text/html,<script>«run»</script>", "here", "now"),
    "autolink-javascript": ("Press <javascript:«run»> now", "javascript:", "now"),
    "autolink-data": ("Press <data:text/html;base64,PHNjcmlwdD4=> now", "data:", "now"),
    "autolink-vbscript": ("Press <vbscript:msgbox> now", "vbscript:", "now"),
    "autolink-email": ("Write to <x@example.org?onclick=«run»> now", "now"),
    "bare-javascript": ("Press javascript:«run» now", "javascript:", "now"),
    "bare-quote": ('Press https://example.org/"onmouseover="«run» now', "https://example.org/", "now"),
    "bare-url": ("Press «url» now", "Press http://127.0.0.1", "now"),
    "wiki-link": ("Press [[javascript:«run»]] or [^javascript:«run»] now", "now"),
    "image-remote": ("See ![drawing](«url») here", "drawing", "here"),
    "image-remote-brackets": ("See ![drawing](<«url»> 'title') here", "drawing", "here"),
    "image-remote-newline": ("See ![drawing](\n«url»\n) here", "drawing", "here"),
    "image-remote-protocol": ("See ![drawing](//127.0.0.1:9/x) here", "drawing", "here"),
    "image-data": ("See ![drawing](data:image/svg+xml,<svg onload=«run»>) here", "drawing", "here"),
    "image-javascript": ("See ![drawing](javascript:«run») here", "drawing", "here"),
    "image-onerror": ('See ![drawing](x"onerror="«run») here', "drawing", "here"),
    "image-alt": ('See !["onerror="«run»](«url») here', "here"),
    "image-title": ("See ![drawing](«url» 'x\" onerror=\"«run»') here", "drawing", "here"),
    "image-reference": ("See ![drawing][1] here\n\n[1]: «url»", "drawing", "here"),
    "image-reference-short": ("See ![drawing] here\n\n[drawing]: «url»", "drawing", "here"),
    "image-reference-collapsed": ("See ![drawing][] here\n\n[drawing]:\n   <«url»>", "drawing", "here"),
    "image-escaped-bang": (r"See \![drawing](«url») and \\![drawing](«url») here", "drawing", "here"),
    "image-after-bang": ("See !![drawing](«url»)!![two](«url») here", "drawing", "two", "here"),
    "image-nested": ("See ![a ![b](«url») c](«url») here", "here"),
    "image-obsidian": ("See ![[«url»]] and ![drawing](«url» =100x100) here", "drawing", "here"),
    "image-attributes": ('See ![drawing](«url»){onerror="«run»" style="background: url(«url»)"} here', "here"),
    "image-attachment": ("See ![drawing](attachment:x.png) and ![two](files/x.png) here", "drawing", "here"),
}

_PLACES = {
    "heading": (
        "# Title <img src=x onerror=«run»> ![d](«url»)\n\nTwo <svg onload=«run»>\n===\n\nbelow",
        "Title",
        "below",
    ),
    "heading-id": ("# main\n\n## jupyterapp {#top onclick=«run»}\n\nbelow", "main", "below"),
    "table": (
        "| a <img src=x onerror=«run»> | ![d](«url») |\n|---|---|\n| <svg onload=«run»> | [x](javascript:«run») |\n\n"
        "below",
        "a <img",
        "below",
    ),
    "table-split": (
        "| a | b |\n|---|---|\n| <img src=x | onerror=«run»> |\n| `|` | <svg/onload=«run»> |\n\nend",
        "end",
    ),
    "list": ("- <img src=x onerror=«run»>\n  - ![d](«url»)\n\n    <svg onload=«run»>\n\n1. x\n\nbelow", "below"),
    "task-list": ("- [ ] <img src=x onerror=«run»>\n- [x] ![d](«url»)\n\nbelow", "below"),
    "quote": ("> <script>«run»</script>\n> > <img src=x\n> > onerror=«run»>\n\nbelow", "below"),
    "footnote": ("Word[^1] here\n\n[^1]: <img src=x onerror=«run»> ![d](«url») noted", "Word", "here", "noted"),
    "footnote-inline": ("Word^[<img src=x onerror=«run»> noted] here", "Word", "noted", "here"),
    "footnote-label": ('Word[^"><img/src=x/onerror=«run»>] here\n\n[^"><img/src=x/onerror=«run»>]: noted', "noted"),
    "code-span": ("Code `<img src=x onerror=«run»>` and ``![d](«url»)`` here", "Code <img", "here"),
    "code-span-unclosed": ("Code `<img src=x onerror=«run»> here\n\nand `there", "here", "there"),
    "code-span-lines": ("Code `` <img\nsrc=x onerror=«run»> ` `` here", "here"),
    "code-span-escaped": (r"Code \`<img src=x onerror=«run»>\` here", "here"),
    "code-indented": ("Code:\n\n    <img src=x onerror=«run»>\n\n\t<svg onload=«run»>\n\nhere", "Code:", "here"),
    "emphasis": ("**<img src=x onerror=«run»>** *<svg onload=«run»* > ~~![d](«url»)~~ here", "here"),
    "hard-break": ("one <img src=x  \nonerror=«run»> two\\\n<svg onload=«run»> three", "one <img", "three"),
    "deep-nesting": ("> " * 60 + "<img src=x onerror=«run»> ![d](«url»)\n\nbelow", "below"),
    "deep-brackets": ("[" * 60 + "here" + "](javascript:«run»)" * 60 + "\n\nbelow", "below"),
    "front-matter": ('---\nhtml: "<img src=x onerror=«run»>"\n---\n\nbelow', "below"),
    "cell-magic": ("%%html\n<script>«run»</script>\n\n%%javascript\n«run»\n\nbelow", "%%html", "%%javascript", "below"),
    "definition-list": ("Term\n: <img src=x onerror=«run»>\n\n*[HTML]: <svg onload=«run»>\n\nbelow", "Term", "below"),
    "admonition": ("::: {.x onclick=«run»}\n<img src=x onerror=«run»>\n:::\n\n!!! note\n    ![d](«url»)\n\nend", "end"),
    "github-alert": ("> [!NOTE]\n> <img src=x onerror=«run»>\n\nbelow", "below"),
    "emoji": (":smile: :<img src=x onerror=«run»>: {{ 7+7 }} <%= 7+7 %> ${7+7} here", "{{ 7+7 }}", "${7+7}", "here"),
}

_FENCES = {
    "fence-html": ("```html\n<img src=x onerror=«run»>\n```\n\nbelow", "<img src=x", "below"),
    "fence-svg": ("```svg\n<svg onload=«run»><image href='«url»'/></svg>\n```\n\nbelow", "<svg", "below"),
    "fence-javascript": ("```javascript\n«run»; fetch('«url»')\n```\n\nbelow", "fetch", "below"),
    "fence-info": ('```"><img/src=x/onerror=«run»>\ncode\n```\n\nbelow', "code", "below"),
    "fence-info-attributes": (
        '```python {onclick="«run»" style="background:url(«url»)"}\ncode = 1\n```\n\nend',
        "code",
        "end",
    ),
    "fence-info-class": ("~~~ x' onmouseover=«run»\ncode\n~~~\n\nbelow", "code", "below"),
    "fence-closing-tag": ("```\n</pre></code></div><img src=x onerror=«run»>\n```\n\nbelow", "</pre>", "below"),
    "fence-closing-tag-python": ('```python\n"</pre><img src=x onerror=«run»>"\n```\n\nbelow', "</pre>", "below"),
    "fence-unclosed": ("```\n<img src=x onerror=«run»>\n![d](«url»)\nlast", "<img src=x", "last"),
    "fence-within-list": (
        "- item\n  ```mermaid\n  graph LR\n    A-->B\n  ```\n- two\n\nbelow",
        "item",
        "graph LR",
        "below",
    ),
    "fence-false-closing": (
        "````\n```\n<img src=x onerror=«run»>\n```mermaid\ngraph LR\n````\n\nbelow",
        "graph LR",
        "below",
    ),
    "fence-tilde-mermaid": ("~~~mermaid\ngraph LR\n  A-->B\n~~~\n\nbelow", "graph LR", "below"),
    "fence-mermaid-image": (
        "```mermaid\nflowchart LR\n  A[\"<img src='«url»' onerror=«run»>\"] --> B\n```\n\nbelow",
        "flowchart LR",
        "below",
    ),
    "fence-mermaid-image-shape": (
        '```mermaid\nflowchart TD\n  A@{ img: "«url»", label: "x", w: 60, h: 60 }\n```\n\nbelow',
        "flowchart TD",
        "below",
    ),
    "fence-mermaid-click": (
        '```mermaid\nflowchart LR\n  A --> B\n  click A "javascript:«run»" "tip"\n```\n\nbelow',
        "click A",
        "below",
    ),
    "fence-mermaid-init": (
        "```mermaid\n%%{init: {'securityLevel': 'loose', 'themeCSS': '* { background: url(«url») }'}}%%\n"
        "flowchart LR\n  A --> B\n```\n\nbelow",
        "securityLevel",
        "below",
    ),
    "fence-mermaid-case": ("``` Mermaid\nsequenceDiagram\n  A->>B: x\n```\n\nbelow", "sequenceDiagram", "below"),
    "fence-mermaid-quoted": ('> ```mermaid\n> pie\n>   "a": 1\n> ```\n\nbelow', "pie", "below"),
    "fence-mermaid-info": ("```mermaid title='x'\npie\n  \"a\": 1\n```\n\nbelow", "pie", "below"),
    "fence-vega-lite": ('```vega-lite\n{"data": {"url": "«url»"}, "mark": "bar"}\n```\n\nbelow', '"mark"', "below"),
    "fence-vega": ('```vega\n{"data": [{"name": "x", "url": "«url»"}]}\n```\n\nbelow', '"data"', "below"),
    "fence-math": ("```math\n\\href{javascript:«run»}{x}\n```\n\nbelow", "below"),
    "fence-latex": ("```latex\n$\\includegraphics{«url»}$\n```\n\nbelow", "includegraphics", "below"),
    "fence-directive": ("```{raw} html\n<img src=x onerror=«run»>\n```\n\n:::{iframe} «url»\n:::\n\nbelow", "below"),
    "fence-raw-attribute": ("```{=html}\n<img src=x onerror=«run»>\n```\n\n`<b>`{=html} below", "below"),
    "fence-dollar": ("```\n$\\href{javascript:«run»}{x}$ and $$y$$\n```\n\nbelow", "and $$y$$", "below"),
    "widget-json": (
        '```json\n{"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}\n```\n\n'
        '{"application/vnd.jupyter.widget-view+json": {"version_major": 2, "model_id": "x"}} below',
        "model_id",
        "below",
    ),
    "output-json": ('{"output_type": "display_data", "data": {"text/html": "<img src=x onerror=«run»>"}} end', "end"),
}

_TEX = {
    "tex-href": (r"See $\href{javascript:«run»}{x}$ here", "See", "here"),
    "tex-href-display": ("See\n\n$$\n\\href{javascript:«run»}{x}\n$$\n\nhere", "See", "here"),
    "tex-href-brackets": (r"See \(\href{javascript:«run»}{x}\) or \[\href{javascript:«run»}{y}\] here", "See", "here"),
    "tex-href-spaced": (
        r"See $\href   {javascript:«run»}{x}$ and $\href%x" "\n" r"{javascript:«run»}{y}$ here",
        "here",
    ),
    "tex-url": (r"See $\url{javascript:«run»}$ here", "here"),
    "tex-includegraphics": (r"See $\includegraphics[width=1cm]{«url»}$ here", "here"),
    "tex-class": (r"See $\class{jp-Button}{x}$ and $\cssId{jupyterapp}{y}$ here", "here"),
    "tex-style": (r"See $\style{position: fixed; inset: 0; background: url(«url»)}{x}$ here", "here"),
    "tex-require": (r"See $\require{html}\href{javascript:«run»}{x}$ here", "here"),
    "tex-def": (r"See $\def\x{\href{javascript:«run»}{z}}\x$ and $\let\y\href \y{javascript:«run»}{z}$ here", "here"),
    "tex-def-loop": (r"See $\def\x{\x\x}\x$ here", "here"),
    "tex-newcommand": (r"See $\newcommand{\x}[1]{\href{javascript:«run»}{#1}}\x{z}$ here", "here"),
    "tex-unicode": (r"See $\unicode[url(«url»)]{x41}$ here", "here"),
    "tex-html": (r"See $\htmlClass{x}{y}$ and $\data{onclick=«run»}{y}$ here", "here"),
    "tex-bbox": (r"See $\bbox[border: 1px solid red; background: url(«url»)]{x}$ here", "here"),
    "tex-mml-token": (r"See $\mmlToken{mi}[href='javascript:«run»' style='background:url(«url»)']{x}$ here", "here"),
    "tex-action": (r"See $\texttip{x}{y}$, $\toggle{a}{b}\endtoggle$ and $\mathtip{x}{y}$ here", "here"),
    "tex-csname": (r"See $\csname href\endcsname{javascript:«run»}{x}$ and $\begin{href}x\end{href}$ here", "here"),
    "tex-environment": (r"See \begin{align}\href{javascript:«run»}{x}\end{align} here", "See", "here"),
    "tex-environment-block": ("\\begin{equation}\n\\href{javascript:«run»}{x}\n\\end{equation}\n\nhere", "here"),
    "tex-environment-starred": (r"\begin{align*}\class{x}{y}\end{align*} here", "here"),
    "tex-reference": (r"See \ref{x}, \eqref{y} and \label{z} here", "here"),
    "tex-outside": (r"See \href{javascript:«run»}{x} and \includegraphics{«url»} here", "here"),
    "tex-html-inside": ("See $x <img src=x onerror=«run»> y$ and $$<svg onload=«run»>$$ here", "here"),
    "tex-closing-tag": (r"See $\text{</span><img src=x onerror=«run»>}$ here", "here"),
    "tex-dollars-split": (r"See `$`\href{javascript:«run»}{x}`$` and **$**\url{«url»}**$** here", "here"),
    "tex-dollars-far": ("It costs $5\n\nand \\href{javascript:«run»}{x} costs $6 here", "It costs $5", "costs $6 here"),
    "tex-dollars-lines": ("See $x\n\\href{javascript:«run»}{y}\nz$ here", "See", "here"),
    "tex-dollars-escaped": (r"See \$\href{javascript:«run»}{x}\$ and \\$\href{javascript:«run»}{y}\\$ here", "here"),
    "tex-dollars-entity": (r"See &#36;\href{javascript:«run»}{x}&dollar; here", "here"),
    "tex-backslash-entity": (r"See &#92;(\href{javascript:«run»}{x}&bsol;) here", "here"),
    "tex-command-entity": (r"See $&bsol;href{javascript:«run»}{x}$ and $\hr&#101;f{javascript:«run»}{x}$ here", "here"),
    "tex-command-split": (
        r"See $\hr**ef**{javascript:«run»}{x}$ and $\h" "\u200c" r"ref{javascript:«run»}{x}$ here",
        "here",
    ),
    "tex-in-link": (r"See [$\href{javascript:«run»}{x}$](https://example.org) here", "here"),
    "tex-in-heading": ("# See $\\href{javascript:«run»}{x}$\n\n| $\\url{«url»}$ |\n|---|\n\nhere", "See", "here"),
    "tex-unclosed": (r"See $\href{javascript:«run»}{x} here", "here"),
}

_CONTROLS = {
    "ansi": (
        "Red \x1b[31mwords\x1b[0m \x1b]8;;javascript:«run»\x1b\\here\x1b]8;;\x1b\\ \x1b[2J end",
        "words",
        "here",
        "end",
    ),
    "ansi-title": ("Title \x1b]0;owned\x07 \x9b31m \x90 end", "Title", "end"),
    "bidi": ("Right \u202e<img src=x onerror=«run»>\u202c \u2066left\u2069 end", "Right", "left", "end"),
    "zero-width": ("Zero <\u200bimg src=x onerror=«run»> java\u200bscript:«run» end", "Zero", "end"),
    "line-separators": ("One\u2028<img src=x onerror=«run»>\u2029two\x85three\x0b end", "One", "two", "three", "end"),
    "carriage-returns": ("One\r<img src=x\ronerror=«run»>\r\n\r\n\b\b\btwo", "One", "two"),
    "surrogates": ("Half \ufffe\uffff <img src=x onerror=«run»> \U000e0041 end", "Half", "end"),
    "combining": ("Z" + "\u0301" * 200 + " <img src=x onerror=«run»> end", "end"),
}

HOSTILE_REPLIES = [
    HostileReply(name, template, tuple(phrases))
    for group in (_RAW_HTML, _LINKS_AND_IMAGES, _PLACES, _FENCES, _TEX, _CONTROLS)
    for name, (template, *phrases) in group.items()
]
