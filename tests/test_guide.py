"""The guide and the pages it answers from: the right section for a question, and nothing left out of the pages."""

from __future__ import annotations

import ast
import re
from importlib import resources
from typing import get_args

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from ava_magic.arguments import OPTIONS, parse
from ava_magic.conversation import Message
from ava_magic.errors import Kind
from ava_magic.magics import AvaMagics
from ava_magic.providers.base import FinishReason
from ava_magic.providers.guide import Guide, answer, search
from ava_magic.providers.presets import PRESETS, provider_names
from ava_magic.syntax import Transform

FALLBACK = "What ava_magic is"
QUESTIONS = [
    ("how do I stop a reply?", "Stop or interrupt a reply"),
    ("how can I interrupt the answer?", "Stop or interrupt a reply"),
    ("what happens to the text of a stopped reply?", "What text is kept of a stopped or failed reply"),
    ("how do I use ollama?", "Use Ollama, LM Studio or another local model server"),
    ("can I use a local model?", "Use Ollama, LM Studio or another local model server"),
    ("does it work with LM Studio?", "Use Ollama, LM Studio or another local model server"),
    ("where do I put my API key?", "Where to put an API key"),
    ("how do I set OPENAI_API_KEY?", "Where to put an API key"),
    ("which models can I use?", "Which models can I use? Get a list of models"),
    ("how do I list the models?", "Which models can I use? Get a list of models"),
    ("how do I choose the model?", "Choose or switch the model (-m)"),
    ("how do I switch to another model?", "Choose or switch the model (-m)"),
    ("how do I connect a model?", "Connect to a model"),
    ("how do I connect to OpenAI?", "Connect to a model"),
    ("which providers are there?", "Providers (-p, --provider): the presets and the other providers"),
    ("what presets exist?", "Providers (-p, --provider): the presets and the other providers"),
    ("how do I use Anthropic?", "Providers (-p, --provider): the presets and the other providers"),
    ("what is the key variable for Gemini?", "Providers (-p, --provider): the presets and the other providers"),
    ("how do I use an OpenAI-compatible endpoint?", "Use another endpoint with --base-url"),
    ("what does --base-url do?", "Use another endpoint with --base-url"),
    ("how is the endpoint chosen?", "How the endpoint is chosen (auto)"),
    ("what does provider auto mean?", "How the endpoint is chosen (auto)"),
    ("why do I see the guide instead of a model?", "Why the guide answers instead of a model"),
    ("what is the guide?", "What the guide is and what you can ask it"),
    ("what can I ask you?", "What the guide is and what you can ask it"),
    ("what can I ask the guide?", "What the guide is and what you can ask it"),
    ("what is CodeLinkAva?", "What CodeLinkAva (codelink-ava) is"),
    ("how do I use codelink-ava?", "What CodeLinkAva (codelink-ava) is"),
    ("how do I start the server?", "Start the server that comes with the package"),
    ("python -m ava_magic.server --port", "Start the server that comes with the package"),
    ("does it remember the conversation?", "Does it remember the conversation?"),
    ("does the model remember my earlier questions?", "Does it remember the conversation?"),
    ("how do I start over?", "Start over: clear the conversation (--reset)"),
    ("how do I clear the conversation?", "Start over: clear the conversation (--reset)"),
    ("what does --reset do?", "Start over: clear the conversation (--reset)"),
    ("how do I reset the chat?", "Start over: clear the conversation (--reset)"),
    ("how do I see the history?", "See the history of the conversation (--history)"),
    ("how do I ask without history?", "Ask without the conversation (-n, --no-history)"),
    ("what happens when I run a cell twice?", "What happens when I run a cell again"),
    ("what happens when I rerun a cell?", "What happens when I run a cell again"),
    ("how much of the conversation is sent?", "How much of the conversation is sent"),
    ("what is context_tokens?", "How much of the conversation is sent"),
    ("is the conversation kept after a kernel restart?", "After a kernel restart, or when the notebook is reopened: what is saved"),
    ("are the answers still there when I reopen the notebook?", "After a kernel restart, or when the notebook is reopened: what is saved"),
    ("can the answer run code in my notebook?", "Is it safe? Can an answer run code in my notebook?"),
    ("is it safe?", "Is it safe? Can an answer run code in my notebook?"),
    ("are images in the reply loaded?", "Images and links in an answer"),
    ("can I click links?", "Images and links in an answer"),
    ("what data is sent to the endpoint?", "What of my notebook is sent to the endpoint"),
    ("is my notebook sent to OpenAI?", "What of my notebook is sent to the endpoint"),
    ("are my keys safe?", "How API keys are kept safe from leaking"),
    ("can my API key leak?", "How API keys are kept safe from leaking"),
    ("why was the prompt not sent because it holds the value of a key?", "The prompt holds the value of a key, so it was not sent"),
    ("does it follow redirects?", "Redirects, cookies and a proxy"),
    ("does it use my proxy?", "Redirects, cookies and a proxy"),
    ("what is saved in the notebook file?", "What is saved in the notebook file"),
    ("what is not promised?", "What is not promised"),
    ("how do I save the answer in a variable?", "Save the answer in a variable (-o, --out)"),
    ("how do I assign the reply to a variable?", "Save the answer in a variable (-o, --out)"),
    ("what does --out do?", "Save the answer in a variable (-o, --out)"),
    ("what does -o do?", "Save the answer in a variable (-o, --out)"),
    ("what is a Reply?", "What a Reply holds: text, usage, reasoning and more"),
    ("how do I get the token usage?", "What a Reply holds: text, usage, reasoning and more"),
    ("where is the reasoning of the model?", "What a Reply holds: text, usage, reasoning and more"),
    ("what does -t do?", "Set the temperature (-t)"),
    ("how do I set the temperature?", "Set the temperature (-t)"),
    ("what does --max-tokens do?", "Limit the length of an answer (--max-tokens)"),
    ("how do I get shorter answers?", "Limit the length of an answer (--max-tokens)"),
    ("what does -s do?", "Set a system message (-s)"),
    ("how do I set a system prompt?", "Set a system message (-s)"),
    ("what does --option do?", "Send other fields of the request (--option)"),
    ("how do I set top_p?", "Send other fields of the request (--option)"),
    ("which options are there?", "All options of %ava and %%ava"),
    ("what does -m do?", "Choose or switch the model (-m)"),
    ("what does -p do?", "Providers (-p, --provider): the presets and the other providers"),
    ("what does -n do?", "Ask without the conversation (-n, --no-history)"),
    ("what does -r do?", "Braces that stay as typed (-r, --raw)"),
    ("how do I put a dataframe into the prompt?", "Put the value of a variable or a DataFrame into the prompt"),
    ("how do I insert the value of a variable?", "Put the value of a variable or a DataFrame into the prompt"),
    ("why is {df.shape} not replaced?", "Braces that stay as typed (-r, --raw)"),
    ("how do I keep braces in my code?", "Braces that stay as typed (-r, --raw)"),
    ("can a question end with a question mark?", "Questions that end in a question mark"),
    ("how do I ask about code?", "Ask about code or a long text with %%ava"),
    ("how do I ask in a loop?", "Ask in a loop, once for each item"),
    ("can I use it in a function?", "Ask in a function or in async code"),
    ("does it work in async code?", "Ask in a function or in async code"),
    ("does it patch my event loop with nest_asyncio?", "Ask in a function or in async code"),
    ("how do I write my own provider?", "Write your own provider"),
    ("how do I make a custom provider?", "Write your own provider"),
    ("can a function be a provider?", "Use a function as a provider"),
    ("how do I import a provider from a package?", "Name a provider from a package or from the notebook"),
    ("what may a provider yield?", "What a provider may yield besides text"),
    ("how do I raise an error in my provider?", "Errors and clean-up in your own provider"),
    ("what is AsyncGeneratorProvider?", "The base class for providers"),
    ("which settings are there?", "All settings of AvaMagics"),
    ("what is frame_rate?", "All settings of AvaMagics"),
    ("how do I change a setting?", "Change a setting"),
    ("how do I keep my settings?", "Keep settings for every session in ipython_config.py"),
    ("what goes into ipython_config.py?", "Keep settings for every session in ipython_config.py"),
    ("how do I load the extension automatically?", "Install, load and unload the extension"),
    ("which environment variables are read?", "Environment variables: AVA_BASE_URL, AVA_API_KEY and others"),
    ("what is AVA_BASE_URL?", "Environment variables: AVA_BASE_URL, AVA_API_KEY and others"),
    ("how is the reply displayed?", "Change how a reply is displayed: widgets, HTML or text"),
    ("how do I turn off widgets?", "Change how a reply is displayed: widgets, HTML or text"),
    ("how do I install it?", "Install, load and unload the extension"),
    ("how do I unload the extension?", "Install, load and unload the extension"),
    ("how do I ask a question?", "Ask a first question"),
    ("how do I get help?", "Get help and see what answers now"),
    ("does it work in the terminal?", "Use it in the IPython terminal"),
    ("can I use it in a script?", "Use it in a Python script"),
    ("how do I run it headless with nbconvert?", "Run a notebook headless"),
    ("does it work with papermill?", "Run a notebook headless"),
    ("what do the kinds of error mean?", "What the kinds of error mean"),
    ("what does AvaError mean?", "What the kinds of error mean"),
    ("why is my key refused?", "The key is refused: auth, 401 or 403"),
    ("I get a 401 auth error", "The key is refused: auth, 401 or 403"),
    ("what do I do about rate_limit?", "Too many requests: rate_limit, 429"),
    ("too many requests", "Too many requests: rate_limit, 429"),
    ("why can the server not be reached?", "The server cannot be reached: connection error"),
    ("connection error, what now?", "The server cannot be reached: connection error"),
    ("how do I change the timeout?", "Nothing comes: timeout"),
    ("what is a bad_request?", "The request is refused: bad_request, 400, or 404 model not found"),
    ("why was the reply cut off?", "The reply was cut short: truncated, or at the token limit"),
    ("are failed requests retried?", "How failed requests are retried"),
    ("how do I catch an error?", "Catch an error in code"),
    ("what is ava_magic?", "What ava_magic is"),
    ("what does a notebook show while a reply streams?", "What a notebook shows while a reply streams"),
    ("can I ask several models at once?", "Compare several models, or send questions at the same time"),
    ("how do I compare two models?", "Compare several models, or send questions at the same time"),
    ("how do I get the code out of an answer?", "Use, copy or run the code in an answer"),
    ("how do I copy the code into a new cell?", "Use, copy or run the code in an answer"),
    ("is the conversation saved?", "After a kernel restart, or when the notebook is reopened: what is saved"),
    ("does the guide know Python?", "What the guide is and what you can ask it"),
    ("how do I use mistral?", "Providers (-p, --provider): the presets and the other providers"),
    ("can I use it with vLLM?", "Use Ollama, LM Studio or another local model server"),
    ("how do I use Chat?", "Use it in a Python script"),
    ("how many tokens of history are sent?", "How much of the conversation is sent"),
    ("the reply was stopped, where is the text?", "What text is kept of a stopped or failed reply"),
    ("how do I talk to the CodeLinkAva server?", "What CodeLinkAva (codelink-ava) is"),
    ("what is the default provider?", "How the endpoint is chosen (auto)"),
    ("which endpoint answers now?", "Get help and see what answers now"),
    ("how do I show the current state?", "Get help and see what answers now"),
    ("what does --system do?", "Set a system message (-s)"),
    ("what does --no-history do?", "Ask without the conversation (-n, --no-history)"),
    ("what does --raw do?", "Braces that stay as typed (-r, --raw)"),
    ("what does --provider do?", "Providers (-p, --provider): the presets and the other providers"),
    ("what does --model do?", "Choose or switch the model (-m)"),
    ("what does --temperature do?", "Set the temperature (-t)"),
    ("what does --history do?", "See the history of the conversation (--history)"),
    ("where does the API key go?", "Where to put an API key"),
    ("how do I use a DataFrame?", "Put the value of a variable or a DataFrame into the prompt"),
    ("does the Stop button work?", "Stop or interrupt a reply"),
    ("will ctrl-c stop it?", "Stop or interrupt a reply"),
    ("why does it say truncated?", "The reply was cut short: truncated, or at the token limit"),
    ("how do I ask about a traceback?", "Ask about an error message or a traceback"),
    ("can I paste an error message?", "Ask about an error message or a traceback"),
    ("how do I put a file into the prompt?", "Put a file into the prompt"),
    ("can I attach a PDF?", "Put a file into the prompt"),
    ("which Python version does it need?", "Which versions and front ends it needs"),
    ("does it work in VS Code or Colab?", "Which versions and front ends it needs"),
    ("404 model not found", "The request is refused: bad_request, 400, or 404 model not found"),
    ("can I use it offline?", "Use Ollama, LM Studio or another local model server"),
    ("how do I use Claude?", "Providers (-p, --provider): the presets and the other providers"),
    ("can I export the conversation?", "After a kernel restart, or when the notebook is reopened: what is saved"),
    ("can I delete the last turn?", "Start over: clear the conversation (--reset)"),
    ("does the model see my other cells?", "What of my notebook is sent to the endpoint"),
    ("answers are too long", "Limit the length of an answer (--max-tokens)"),
    ("can I trust an answer?", "What is not promised"),
    ("is JavaScript in a reply executed?", "Is it safe? Can an answer run code in my notebook?"),
]
PAGES = {page.name: page.read_text("utf-8") for page in (resources.files("ava_magic") / "docs").iterdir()}
DOCS = "\n".join(PAGES.values())
SECTIONS = re.split(r"(?m)^## ", DOCS)[1:]
CODE = re.findall(r"(?ms)^(`{3,})python\n(.*?)^\1$", DOCS)


def asked(*questions: str) -> list[Message]:
    """The messages of a conversation whose last word is the user's."""
    messages: list[Message] = []
    for question in questions:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": "..."}]
    return messages[:-1]


def is_named(name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", DOCS) is not None


@pytest.mark.parametrize(("question", "title"), QUESTIONS)
def test_a_question_finds_its_section(question: str, title: str) -> None:
    assert [section.title for section in search(question)][:1] == [title]


@pytest.mark.parametrize("question", ["what is the capital of France?", "What is a list?", "hello", "2 + 2 = ?", ""])
def test_a_question_about_anything_else_is_told_what_ava_magic_is(question: str) -> None:
    assert search(question) == []
    assert answer(asked(question)).startswith(f"## {FALLBACK}\n\n")


def test_what_an_example_asks_does_not_count_for_its_section() -> None:
    assert "Explain decorators." in DOCS
    assert search("explain decorators") == []


def test_at_most_two_sections_are_given() -> None:
    assert all(len(search(question)) in (1, 2) for question, _ in QUESTIONS)


def test_no_message_at_all_gets_an_answer() -> None:
    assert answer([]).startswith(f"## {FALLBACK}")


@pytest.mark.parametrize("question", ["how do I stop a reply?", "what is the capital of France?"])
def test_every_answer_says_that_it_is_no_model_and_how_to_connect_one(question: str) -> None:
    text = answer(asked(question))
    assert "no model" in text
    assert all(way in text for way in ("OPENAI_API_KEY", "Ollama", "--base-url"))


def test_the_second_answer_names_the_question_before() -> None:
    text = answer(asked("how do I stop a reply?", "what is CodeLinkAva?"))
    assert text.startswith("## What CodeLinkAva")
    assert "question 2 of our conversation" in text
    assert "how do I stop a reply?" in text


def test_the_first_answer_names_no_question_before() -> None:
    assert "before it you asked" not in answer(asked("how do I stop a reply?"))


def test_a_long_question_before_is_shortened() -> None:
    text = answer(asked("stop " * 100, "what is CodeLinkAva?"))
    assert "stop " * 5 in text
    assert "stop " * 20 not in text


async def test_the_deltas_joined_are_the_answer() -> None:
    messages = asked("how do I stop a reply?", "what is CodeLinkAva?")
    *words, end = [delta async for delta in Guide.create_async_generator("any", messages, pace=0, temperature=0.1)]
    assert "".join(map(str, words)) == answer(messages)
    assert len(words) > 50
    assert end == FinishReason("stop")


async def test_the_joined_content_is_the_answer_too() -> None:
    messages = asked("how do I stop a reply?")
    assert await Guide.create_async("", messages, pace=0) == answer(messages)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_one_title_and_sections(name: str) -> None:
    title, _, rest = PAGES[name].partition("\n")
    assert title.startswith("# ")
    assert rest.startswith("\n## ")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_a_section_is_short_enough_to_be_an_answer(section: str) -> None:
    assert 60 <= len(section.split()) <= 220
    assert section.count("```") % 2 == 0


def test_no_two_sections_have_the_same_title() -> None:
    titles = [section.partition("\n")[0] for section in SECTIONS]
    assert len(set(titles)) == len(titles)


def test_every_section_is_the_answer_to_a_question_here() -> None:
    assert {section.partition("\n")[0] for section in SECTIONS} == {title for _, title in QUESTIONS}


@pytest.mark.parametrize("name", [name for option in OPTIONS for name in option.names])
def test_every_option_is_documented(name: str) -> None:
    assert is_named(name)


@pytest.mark.parametrize("name", sorted(AvaMagics.class_own_traits(config=True)))
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    row = re.search(rf"(?m)^\| `{name}` \| `(.*?)` \|", DOCS)
    assert row is not None
    assert ast.literal_eval(row[1]) == AvaMagics.class_own_traits()[name].default_value


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_every_preset_is_documented_with_its_address_and_key(preset: tuple[str, str, str]) -> None:
    name, base_url, key = preset
    assert f"| `{name}` | `{base_url}` | {f'`{key}`' if key else 'none'} |" in DOCS


@pytest.mark.parametrize("name", [*provider_names(), *get_args(Kind)])
def test_every_provider_and_kind_of_error_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS


@pytest.mark.parametrize("code", [code for _, code in CODE])
def test_every_example_is_code_that_a_cell_takes(code: str) -> None:
    manager = TransformerManager()
    manager.cleanup_transforms.append(Transform(lambda: True))
    compile(manager.transform_cell(code), "<example>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for line in re.findall(r"(?m)%ava (.*)$", code):
        parse(line)
