"""The guide and the pages it answers from: the right section for a question, and nothing left out of the pages."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from importlib import resources
from inspect import signature
from pathlib import Path
from typing import get_args

import pytest

from ava_magic.answers.formats import FORMATS
from ava_magic.chat import Chat
from ava_magic.conversation.exchanges import Message
from ava_magic.environment import VARIABLES
from ava_magic.errors import Kind
from ava_magic.magics import AvaMagics
from ava_magic.options import OPTIONS
from ava_magic.providers.base import FinishReason
from ava_magic.providers.guide import Guide, answer, search
from ava_magic.providers.presets import PRESETS, provider_names
from ava_magic.reply import Reply

from .pages import ROOT
from .reference import PAGE, reference

FALLBACK = "What ava_magic is"
QUESTIONS = {
    "Ask in the background and go on working (-b, --background)": (
        "can I ask in the background?",
        "what does -b do?",
        "what does --background do?",
        "how do I go on working while a reply streams?",
    ),
    "Install, load and unload the extension": (
        "how do I load the extension automatically?",
        "how do I install it?",
        "how do I unload the extension?",
        "UsageError: Cell magic `%%ava` not found.",
        "UsageError: Line magic function `%ava` not found.",
        "ModuleNotFoundError: No module named 'ava_magic'",
        "how do I update to a new version",
        "how do I uninstall it",
    ),
    "Which versions and front ends it needs": (
        "which Python version does it need?",
        "can I use it on databricks or sagemaker",
    ),
    "Ask a first question": ("how do I ask a question?",),
    "Get help and see what answers now": (
        "how do I get help?",
        "which endpoint answers now?",
        "how do I show the current state?",
    ),
    "What a notebook shows while a reply streams": ("what does a notebook show while a reply streams?",),
    "How front ends differ: JupyterLab, Notebook 7, nbclassic, GitHub": (
        "what is different in nbclassic?",
        "does it work in VS Code or Colab?",
        "does GitHub show the replies?",
        "does it work in vscode",
        "does it work with jupyter notebook classic",
    ),
    "Export a notebook with nbconvert: HTML, PDF, slides": (
        "how do I export the notebook to PDF?",
        "can I export slides?",
    ),
    "Python files with cells: `# %%`, jupytext, Spyder, py:percent": (
        "how do I use it with jupytext?",
        "does it work in Spyder?",
        "can I use it in a py:percent file?",
    ),
    "Widgets, callbacks and dashboards: Voilà, interact": (
        "how do I use it in Voilà?",
        "how do I ask in a widget's callback?",
    ),
    "marimo: it has no magics": ("does it work in marimo?",),
    "nbdime and git: what a rerun changes in the file": (
        "what does nbdime show?",
        "what does nbmerge do with two answers?",
    ),
    "Beside jupyter_ai in one notebook": ("does it work beside jupyter_ai?",),
    "Log what was asked, of whom, how long it took (logging)": (
        "how do I turn logging on?",
        "what does it log?",
        "how do I get log output",
    ),
    "Use it in the IPython terminal": ("does it work in the terminal?",),
    "Use it in a Python script": (
        "can I use it in a script?",
        "how do I use Chat?",
        "use it from python without jupyter",
    ),
    "Run a notebook headless": (
        "how do I run it headless with nbconvert?",
        "does it work with papermill?",
        "can I schedule a notebook with this",
    ),
    "Connect to a model": (
        "how do I connect a model?",
        "how do I connect to OpenAI?",
        "how do I use chatgpt with this",
    ),
    "Providers (-p, --provider): presets such as openai, anthropic or mistral, and others": (
        "which providers are there?",
        "what presets exist?",
        "how do I use Anthropic?",
        "what does -p do?",
        "how do I use mistral?",
        "what does --provider do?",
        "how do I use Claude?",
        "can I use huggingface models?",
    ),
    "Where to put an API key": (
        "where do I put my API key?",
        "how do I set OPENAI_API_KEY?",
        "where does the API key go?",
        "how do I set my openai key",
    ),
    "Choose or switch the model (-m)": (
        "how do I choose the model?",
        "how do I switch to another model?",
        "what does -m do?",
        "what does --model do?",
        "what is the default model",
        "how do I change the default model for all cells",
    ),
    "Type in an API key: a hidden prompt (--key)": (
        "how do I type in an API key?",
        "what does --key do?",
        "is there a hidden prompt for a key?",
        "how do I remove my key",
    ),
    "Which models can I use? Get a list of models (--models)": (
        "which models can I use?",
        "how do I list the models?",
        "what does --models do?",
    ),
    "Check an endpoint step by step (--check)": (
        "how do I check an endpoint?",
        "what does --check do?",
    ),
    "Use Ollama, LM Studio or another local model server": (
        "how do I use ollama?",
        "can I use a local model?",
        "does it work with LM Studio?",
        "can I use it with vLLM?",
        "can I use it offline?",
        "can I use it without internet",
    ),
    "Use another endpoint with --base-url": (
        "how do I use an OpenAI-compatible endpoint?",
        "what does --base-url do?",
        "how do I use a self-hosted model with a custom url",
    ),
    "How the endpoint is chosen (auto)": (
        "how is the endpoint chosen?",
        "what does provider auto mean?",
        "what is the default provider?",
    ),
    "Why the guide answers instead of a model": (
        "why do I see the guide instead of a model?",
        "it says no endpoint is set",
    ),
    "What the guide is and what you can ask it": (
        "what is the guide?",
        "what can I ask you?",
        "what can I ask the guide?",
        "does the guide know Python?",
        "why do you not know python",
    ),
    "What CodeLinkAva (codelink-ava) is": (
        "what is CodeLinkAva?",
        "how do I use codelink-ava?",
        "how do I talk to the CodeLinkAva server?",
    ),
    "Start the server that comes with the package": (
        "how do I start the server?",
        "python -m ava_magic.server --port",
    ),
    "How options and commands are written, and which there are": (
        "which options are there?",
        "which commands are there?",
        "how is an option written?",
    ),
    "Reference of options: who is asked, and how": ("reference of options: who is asked?",),
    "Reference of options: what goes in, and what comes of it": ("the reference of options for what goes in",),
    "Reference of options: many at once": ("the reference of options for many at once",),
    "Reference of commands: in the place of a question": ("is there a reference of commands?",),
    "Ask about code or a long text with %%ava": (
        "how do I ask about code?",
        "how do I ask about a cell I ran earlier",
    ),
    "Choose the format of an answer (-f, --format)": (
        "what does -f do?",
        "which formats are there?",
        "how do I choose the format?",
        "how do I print the answer as plain text",
    ),
    "Get data instead of prose: structured output as JSON (-f json)": (
        "how do I get JSON?",
        "can I have structured output?",
        "how do I parse the response as json",
    ),
    "Name the shape of the data: a dataclass, pydantic model or JSON Schema (--schema)": (
        "what does --schema do?",
        "can I use a pydantic model?",
        "how do I get a dataclass?",
        "how to get a list of objects back",
    ),
    "When the data do not fit: the second try": ("what happens when the data do not fit?",),
    "Complete options, models and names with Tab": (
        "can I complete with Tab?",
        "does tab completion work?",
        "is there autocomplete",
    ),
    "Ask about an error message or a traceback (-e, --error)": (
        "what does -e do?",
        "what does --error do?",
        "how do I ask about a traceback?",
        "can I paste an error message?",
        "KeyError in my code, explain",
        "explain the last exception",
    ),
    "Put a file into the prompt: attach a text, an image or a PDF (--attach)": (
        "how do I put a file into the prompt?",
        "can I attach a PDF?",
        "what does --attach do?",
        "can it read my csv file",
    ),
    "How a table or an array goes in, and formats for it (rows, describe, schema)": (
        "how many rows of a table go in?",
        "what does {df:describe} do?",
        "how is a numpy array inserted?",
        "which formats can I use in braces?",
        "how much of my dataframe is sent",
        "can I send the whole table",
    ),
    "Send a figure, a plot or an image": (
        "can I send an image?",
        "how do I ask about a plot?",
        "how do I send a matplotlib figure?",
    ),
    "See the request before it is sent (--preview)": (
        "what does --preview do?",
        "how do I see the request before it is sent?",
    ),
    "Questions that end in a question mark": ("can a question end with a question mark?",),
    "Put the value of a variable or a DataFrame into the prompt": (
        "how do I put a dataframe into the prompt?",
        "how do I insert the value of a variable?",
        "how do I use a variable in my question",
        "how do I use a DataFrame?",
        "explain this function {mean}",
        "what does [went in: {df} 184 characters] mean",
    ),
    "Braces that stay as typed (-r, --raw)": (
        "what does -r do?",
        "why is {df.shape} not replaced?",
        "how do I keep braces in my code?",
        "what does --raw do?",
    ),
    "Save the answer in a variable (-o, --out)": (
        "how do I save the answer in a variable?",
        "how do I assign the reply to a variable?",
        "what does --out do?",
        "what does -o do?",
        "answer = %ava gives me nothing",
        "how do I get the text of the answer",
    ),
    "What a Reply holds: text, usage, reasoning and more": (
        "what is a Reply?",
        "how do I get the token usage?",
        "where is the reasoning of the model?",
        "does it support reasoning models like o1 or deepseek-r1",
        "where is the thinking of the model",
        "which model answered",
    ),
    "Set the temperature (-t)": (
        "what does -t do?",
        "how do I set the temperature?",
        "what does --temperature do?",
    ),
    "Limit the length of an answer (--max-tokens)": (
        "what does --max-tokens do?",
        "how do I get shorter answers?",
        "answers are too long",
    ),
    "Set a system message (-s)": (
        "what does -s do?",
        "how do I set a system prompt?",
        "what does --system do?",
        "how do I change the language of the answers",
        "can it answer in german",
        "how do I pass a system prompt from a variable",
    ),
    "Send other fields of the request (--option)": (
        "what does --option do?",
        "how do I set top_p?",
    ),
    "Ask in a loop, once for each item": (
        "how do I ask in a loop?",
        "can I use it in a for loop",
    ),
    "Compare several models side by side (--keep)": (
        "can I ask several models at once?",
        "how do I compare two models?",
        "what does --keep do?",
    ),
    "Ask the same question for every item of a list or every row of a table (--each, --concurrency)": (
        "how do I ask a question for each row of a DataFrame?",
        "what does --each do?",
        "what does --concurrency do?",
        "how do I run it over a list of texts",
    ),
    "What --each gives back: the table of replies, errors and a DataFrame": (
        "how do I get the replies of --each as a DataFrame?",
        "how do I see the errors of --each?",
        "how do I add a column with the model's answer",
    ),
    "Keep the results of --each in a file, and go on after a crash or a Stop (--into)": (
        "what does --into do?",
        "how do I go on with --each after a crash?",
        "it stopped halfway through my 1000 rows, do I have to start again?",
    ),
    "Spread --each over the machines of a Dask cluster (--dask)": (
        "what does --dask do?",
        "can I use a Dask cluster?",
    ),
    "Ask for each item in a script, or for a stream without end (ask_each)": (
        "how do I use ask_each?",
        "how do I ask for each item in a script?",
    ),
    "Send different questions at the same time": (
        "how do I send different questions at the same time?",
        "can I run many prompts in parallel",
    ),
    "Use, copy or run the code in an answer": (
        "how do I get the code out of an answer?",
        "how do I copy the code into a new cell?",
        "what does --code do?",
    ),
    "Ask in a function or in async code": (
        "can I use it in a function?",
        "does it work in async code?",
        "does it patch my event loop with nest_asyncio?",
        "can I use threads",
    ),
    "Does it remember the conversation?": (
        "does it remember the conversation?",
        "does the model remember my earlier questions?",
        "how do I ask a follow-up question",
    ),
    "Start over: clear the conversation (--reset)": (
        "how do I start over?",
        "how do I clear the conversation?",
        "what does --reset do?",
        "how do I reset the chat?",
        "forget what I said",
    ),
    "Several conversations side by side (-c NAME)": (
        "can I have several conversations?",
        "what does -c do?",
        "what does --chat do?",
        "how do I use multiple conversations",
    ),
    "Take back or delete the last turn (--undo)": (
        "can I delete the last turn?",
        "how do I undo?",
        "what does --undo do?",
    ),
    "Repeat the last question (--retry)": (
        "how do I repeat the last question?",
        "what does --retry do?",
    ),
    "The conversation as a Python object (Conversation, to_openai)": (
        "how do I get the conversation as a Python object?",
        "what is to_openai?",
    ),
    "What was spent: the cost (--usage)": (
        "how many tokens were spent?",
        "what does --usage do?",
        "what did it cost?",
        "how much does it cost",
    ),
    "Save or export a conversation as JSON or Markdown file (--save), and go on with it": (
        "how do I save the conversation?",
        "can I export the conversation?",
        "what does --load do?",
        "is there a Markdown file of it?",
        "how do I continue yesterday's conversation",
    ),
    "Which notebook --resume reads": (
        "what does --resume do?",
        "which notebook is resumed?",
    ),
    "See the history of the conversation (--history)": (
        "how do I see the history?",
        "what does --history do?",
    ),
    "Ask without the conversation (-n, --no-history)": (
        "how do I ask without history?",
        "what does -n do?",
        "what does --no-history do?",
        "how do I turn off the history",
    ),
    "What happens when I run a cell again": (
        "what happens when I run a cell twice?",
        "what happens when I rerun a cell?",
    ),
    "How much of the conversation is sent": (
        "how much of the conversation is sent?",
        "what is context_tokens?",
        "how many tokens of history are sent?",
        "how do I limit the history",
    ),
    "After a kernel restart, or when the notebook is reopened: what is saved": (
        "is the conversation kept after a kernel restart?",
        "are the answers still there when I reopen the notebook?",
        "what is saved when I reopen the notebook?",
        "my kernel died, is the chat lost?",
    ),
    "Stop or interrupt a reply": (
        "how do I stop a reply?",
        "how can I interrupt the answer?",
        "does the Stop button work?",
        "will ctrl-c stop it?",
        "my answer never finishes, how do I cancel it",
        "nothing happens when I press stop",
    ),
    "What happens to the text of a stopped or failed reply": (
        "what happens to the text of a stopped reply?",
        "the reply was stopped, where is the text?",
    ),
    "Reference of errors: what the kinds of AvaError mean": (
        "what do the kinds of error mean?",
        "what does AvaError mean?",
    ),
    "The key is refused: auth, 401 or 403": (
        "why is my key refused?",
        "I get a 401 auth error",
    ),
    "Too many requests: rate_limit, 429": (
        "what do I do about rate_limit?",
        "too many requests",
        "AvaError (rate_limit): HTTP 429",
        "insufficient_quota you exceeded your current quota",
    ),
    "The server cannot be reached: connection error": (
        "why can the server not be reached?",
        "connection error, what now?",
        "Connection refused",
    ),
    "Behind a proxy, or with certificates of your organisation's own": (
        "does it use my proxy?",
        "the certificate is not trusted, what now?",
    ),
    "Nothing comes: timeout": (
        "how do I change the timeout?",
        "AvaError (timeout): nothing came for 300 s",
        "it hangs",
        "it takes forever",
    ),
    "The request is refused: bad_request, 400, or 404 model not found": (
        "what is a bad_request?",
        "404 model not found",
    ),
    "The reply was cut short: truncated, or at the token limit": (
        "why was the reply cut off?",
        "why does it say truncated?",
    ),
    "How failed requests are retried": ("are failed requests retried?",),
    "Catch an error in code": ("how do I catch an error?",),
    "Is it safe? Can an answer run code in my notebook?": (
        "can the answer run code in my notebook?",
        "is it safe?",
        "is JavaScript in a reply executed?",
    ),
    "The security model: what holds, and against whom": (
        "what is the security model?",
        "against whom does it hold?",
    ),
    "Images and links in an answer": (
        "are images in the reply loaded?",
        "can I click links?",
    ),
    "What of my notebook is sent to the endpoint": (
        "what data is sent to the endpoint?",
        "is my notebook sent to OpenAI?",
        "does the model see my other cells?",
        "how do I see what was sent to the model",
        "does it send my dataframe to openai?",
    ),
    "How API keys are kept safe from leaking": (
        "are my keys safe?",
        "can my API key leak?",
        "does my api key end up in the notebook",
    ),
    "The prompt holds a key or a token, so it was not sent (--send-secrets)": (
        "why was the prompt not sent because it holds the value of a key?",
        "what does --send-secrets do?",
        "it says that the prompt holds a GitHub token",
    ),
    "Redirects and cookies": ("does it follow redirects?",),
    "What is saved in the notebook file": ("what is saved in the notebook file?",),
    "What is not promised: can I trust an answer?": (
        "what is not promised?",
        "can I trust an answer?",
        "can a prompt injection hurt me",
    ),
    "Write your own provider": (
        "how do I write my own provider?",
        "how do I make a custom provider?",
        "wrap a local huggingface pipeline as provider",
    ),
    "A provider for a service, in ten lines": (
        "how do I write a provider in ten lines?",
        "how does my provider ask a service over HTTP?",
    ),
    "A provider that takes images": ("how does my provider take images?", "what is takes_images?"),
    "Use a function as a provider": ("can a function be a provider?",),
    "Name a provider from a package or from the notebook": ("how do I import a provider from a package?",),
    "What a provider may yield besides text": ("what may a provider yield?",),
    "Errors and clean-up in your own provider": ("how do I raise an error in my provider?",),
    "The base class for providers": ("what is AsyncGeneratorProvider?",),
    "Record a notebook and replay it without a network: the cassette": (
        "how do I run a notebook again without a network?",
        "what is a cassette?",
        "how do I record a notebook?",
        "what is AVA_REPLAY?",
        "how do I cache the answers",
        "how do I make the notebook reproducible",
    ),
    "Switch a running kernel to replaying (--replay)": (
        "what does --replay do?",
        "how do I switch to replaying?",
    ),
    "What counts as the same request when replaying": ("what counts as the same request?",),
    "The request is not in the cassette": ("why is my request not in the cassette?",),
    "Record again into the same cassette": ("how do I record again?",),
    "Stopped and failed replies in a cassette": ("are failed replies in the cassette?",),
    "Read, review and edit a cassette file": (
        "can I edit a cassette?",
        "is my key in the cassette file?",
    ),
    "Replay in pytest: the fixture in ava_magic.testing": (
        "how do I use it in pytest?",
        "what is ava_magic.testing?",
    ),
    "How it works inside: the way of a delta from the socket to the screen": (
        "how does it work inside?",
        "how does a delta come from the socket to the screen?",
    ),
    "The map: which module does what inside": ("which module does what inside?",),
    "The rules of the house: what a module may import": ("what may a module import?",),
    "The ways of running a question inside a notebook, a terminal and a program": (
        "which ways of running a question are there inside?",
    ),
    "Inside a turn: before a question is sent, and after its reply": ("what is inside a turn?",),
    "Change a setting": ("how do I change a setting?",),
    "Reference of settings: all settings of AvaMagics": ("is there a reference of all settings?",),
    "Keep settings for every session in ipython_config.py": (
        "how do I keep my settings?",
        "what goes into ipython_config.py?",
    ),
    "Reference of presets: base URL and key variable": (
        "what is the key variable for Gemini?",
        "is there a reference of presets?",
    ),
    "Reference of environment variables": ("is there a reference of environment variables?",),
    "Environment variables: AVA_BASE_URL, AVA_API_KEY and others": (
        "which environment variables are read?",
        "what is AVA_BASE_URL?",
    ),
    "Change how a reply is displayed: widgets, HTML or text": (
        "how is the reply displayed?",
        "what is frame_rate?",
        "how do I turn off widgets?",
    ),
}
PAGES = {page.name: page.read_text("utf-8") for page in (resources.files("ava_magic") / "docs").iterdir()}
DOCS = "\n".join(PAGES.values())
SECTIONS = re.split(r"(?m)^## ", DOCS)[1:]
HIDDEN = re.compile(r"<!-- also: [^<>\n]* -->\n\n")


def asked(*questions: str) -> list[Message]:
    """The messages of a conversation whose last word is the user's."""
    messages: list[Message] = []
    for question in questions:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": "..."}]
    return messages[:-1]


@pytest.mark.parametrize(
    ("question", "title"), [(question, title) for title, questions in QUESTIONS.items() for question in questions]
)
def test_a_question_finds_its_section(question: str, title: str) -> None:
    assert [section.title for section in search(question)][:1] == [title]


@pytest.mark.parametrize(
    "question", ["what is the capital of France?", "What is a list?", "what is ava_magic?", "hello", "2 + 2 = ?", ""]
)
def test_a_question_without_a_telling_word_is_told_what_ava_magic_is(question: str) -> None:
    assert search(question) == []
    assert answer(asked(question)).startswith(f"## {FALLBACK}\n\n")


def test_what_an_example_asks_does_not_count_for_its_section() -> None:
    assert "Explain decorators." in DOCS
    assert search("decorators") == []


def test_the_words_that_a_page_hides_for_the_guide_are_shown_to_nobody() -> None:
    text = answer(asked("how do I abort it?"))
    assert text.startswith("## Stop or interrupt a reply\n\nTo stop, ")
    assert "<!--" not in HIDDEN.sub("", DOCS)


def test_a_link_from_page_to_page_is_its_words() -> None:
    assert "](../../docs/inside.svg)" in DOCS
    text = answer(asked("how does it work inside?"))
    assert "inside.svg" not in text
    assert "A question goes through syntax" in text


def test_the_picture_of_a_reply_names_modules_that_are_there() -> None:
    root = resources.files("ava_magic")
    picture = (ROOT / "docs" / "inside.svg").read_text("utf-8")
    shown = {name for names in re.findall(r'class="name" [^>]*>([^<]+)<', picture) for name in names.split(", ")}
    assert {"syntax", "runner", "views"} <= shown
    homes = [root, root / "markdown", root / "providers"]
    names = shown - {"cell", "endpoint", "output"}
    assert [
        name for name in names if not any((home / f"{name}.py").is_file() or (home / name).is_dir() for home in homes)
    ] == []


def test_at_most_two_sections_are_given() -> None:
    found = [len(search(question)) for questions in QUESTIONS.values() for question in questions]
    assert set(found) == {1, 2}


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
    assert 60 <= len(re.findall(r"\S*\w\S*", HIDDEN.sub("", section))) <= 220
    assert section.count("```") % 2 == 0


def test_no_two_sections_have_the_same_title() -> None:
    titles = [section.partition("\n")[0] for section in SECTIONS]
    assert len(set(titles)) == len(titles)


def test_every_section_is_the_answer_to_a_question_here() -> None:
    assert {section.partition("\n")[0] for section in SECTIONS} == {FALLBACK, *QUESTIONS}


@pytest.mark.parametrize(
    "name",
    [
        *(name for option in OPTIONS for name in option.names),
        *AvaMagics.class_own_traits(config=True),
        *(name for names in VARIABLES for name in names.split(", ") if name.startswith("AVA_")),
        *provider_names(),
        *get_args(Kind),
        *FORMATS,
        *(field.name for field in fields(Reply)),
        *signature(Chat).parameters,
    ],
)
def test_everything_in_the_reference_is_explained_by_hand_too(name: str) -> None:
    by_hand = "\n".join(page for file, page in PAGES.items() if file != PAGE.name)
    assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", by_hand)


def test_the_reference_is_what_the_code_says() -> None:
    assert PAGES[PAGE.name] == reference(), "python -m tests.reference writes it anew"


def test_the_reference_has_every_option_setting_preset_kind_and_variable() -> None:
    text = reference()
    names = [name for option in OPTIONS for name in option.names]
    names += [*AvaMagics.class_own_traits(config=True), *PRESETS, *get_args(Kind), *FORMATS]
    names += [preset.key for preset in PRESETS.values() if preset.key]
    assert [name for name in names if not re.search(rf"`{re.escape(name)}[ `]", text)] == []


def test_every_variable_that_the_package_reads_is_in_the_table() -> None:
    """By its name in the code: nothing else there is written so."""
    root = Path(str(resources.files("ava_magic")))
    nodes = [node for path in root.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    named = {text for text in texts if re.fullmatch(r"(AVA|JPY|OPENAI|SSL|IPYTHON|JUPYTER)(_[A-Z]+)+", text)}
    assert named <= {name for names in VARIABLES for name in names.split(", ")} | {p.key for p in PRESETS.values()}
    assert named >= {"AVA_BASE_URL", "AVA_RECORD", "JPY_SESSION_NAME"}


def test_the_environment_is_read_in_one_place() -> None:
    """Elsewhere it is only handed on whole, to what looks for secrets in it or for the notebook's name."""
    root = Path(str(resources.files("ava_magic")))
    readers = {
        path.name for path in root.rglob("*.py") if re.search(r"environ(\[|\.get)|getenv", path.read_text("utf-8"))
    }
    assert readers == {"environment.py", "resume.py"}
