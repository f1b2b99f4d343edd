"""The page for people: how to connect, in one language; its script, `static/page.js`, adds what the proxy does now.

It holds nothing that a client key protects, so that a browser can show it before it has one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Literal

from ..directory import Directory
from ..plain import jsontext
from ..routing import base_of
from ..settings.values import Config
from .page import Page, make_page
from .words import LANGUAGES, language_of, words

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STATIC: Mapping[str, tuple[str, str]] = {
    "script": ("page.js", "text/javascript; charset=utf-8"),
    "style": ("page.css", "text/css; charset=utf-8"),
}
_STEPS = ("step_api", "step_url", "step_key", "step_connect", "step_none", "step_sliders", "step_test")


def static_page(kind: Literal["script", "style"]) -> Page:
    """The page's script or style. Browsers ask for it each time, so that it fits to the version that runs."""
    name, content_type = _STATIC[kind]
    return make_page(200, content_type, files(__package__).joinpath("static", name).read_bytes(), {})


def html_page(base_url: str, config: Config, directory: Directory, accept_language: str | None) -> Page:
    """The page in the language that the browser prefers. `base_url` is the proxy's own address."""
    language = language_of(accept_language)
    told = words(language)
    title = escape(config.title)
    bases = _bases(base_url, config, directory)
    urls = "\n".join(
        f'<div><dt>{escape(cloud or told["base_all"])}</dt><dd><code class="url">{escape(url)}</code></dd></div>'
        for cloud, url in bases
    )
    steps = "\n".join(f"<li>{_marked_up(told[name], bases[0][1])}</li>" for name in _steps(config))
    locked = bool(config.client_keys)
    body = f"""<!doctype html>
<html lang="{LANGUAGES[language]}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="status/page.css">
<script src="status/page.js" defer></script>
</head>
<body data-locked="{"yes" if locked else "no"}" data-words="{escape(jsontext.write(told).decode())}">
<main>
<header>
<h1>{title}</h1>
<p id="state" hidden>{escape(told["connecting"])}</p>
<p id="trouble" role="alert"></p>
</header>
<p class="note" id="demo"{"" if config.demo and not locked else " hidden"}>{_marked_up(told["demo"])}</p>
<noscript><p class="note">{escape(told["no_script"])}</p></noscript>
<form class="card" id="key" hidden>
<h2>{escape(told["key_title"])}</h2>
<p>{escape(told["key_why"])}</p>
<p><label for="key-field">{escape(told["key_label"])}</label>
<input id="key-field" type="password" autocomplete="off" spellcheck="false" required>
<button>{escape(told["key_show"])}</button></p>
<p id="key-error" role="alert"></p>
</form>
<div class="columns">
<section class="card" aria-labelledby="bases">
<h2 id="bases">{escape(told["bases"])}</h2>
<dl class="bases">
{urls}
</dl>
<p class="soft">{escape(told["bases_use"])}</p>
</section>
<section class="card" aria-labelledby="steps">
<h2 id="steps">{escape(told["steps"])}</h2>
<ol class="steps">
{steps}
</ol>
</section>
</div>
<div id="live"></div>
<footer>{escape(told["programs"])} <a href="status">/status</a>, <a href="v1/models">/v1/models</a>,
<a href="health">/health</a></footer>
</main>
</body>
</html>
"""
    headers = {"content-security-policy": _POLICY, "referrer-policy": "no-referrer", "vary": "accept, accept-language"}
    return make_page(200, "text/html; charset=utf-8", body.encode("utf-8", "replace"), headers)


def _bases(base_url: str, config: Config, directory: Directory) -> list[tuple[str, str]]:
    """The base URL of each cloud that is configured, by its name, and with no name the one for all."""
    clouds = {
        door.entry.path: door.entry.cloud for door in reversed(directory.doors)
    }  # of those with one path the first
    bases = [(cloud, base_url + base_of(config.prefix, path)) for path, cloud in reversed(clouds.items())]
    return [*bases, ("", base_url + base_of(config.prefix, None))]


def _steps(config: Config) -> list[str]:
    """What is to be done in SillyTavern, by the names of the words."""
    steps = [name for name in _STEPS if name != "step_test" or config.answer_test_message]
    return [name if name != "step_key" or config.client_keys else "step_no_key" for name in steps]


def _marked_up(text: str, url: str = "") -> str:
    """Words with what stands between `**` set off, and the URL where they want one."""
    code = f'<code class="url">{escape(url)}</code>'
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text)).replace("{url}", code)
