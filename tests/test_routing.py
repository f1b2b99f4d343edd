"""routing.py: every spelling of a path finds its duty, every other one the nearest path that works."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.errors import BridgeError, MethodNotAllowed, NotFound
from oai_bridge.routing import Route, base_of, is_native, route

CLAUDE = "/proxy/gcp/claude"
GCP = ("gcp", "claude")


@pytest.mark.parametrize(
    "path",
    [
        "/proxy/gcp/claude/chat/completions",
        "/proxy/gcp/claude/v1/chat/completions",
        "/proxy/gcp/claude//chat/completions",
        "/proxy/gcp/claude/chat/completions/",
        "//proxy//gcp///claude//v1//chat//completions//",
        "/proxy/gcp/claude/chat/completions?beta=true&x=/v1/models",
        "/proxy/gcp/claude/chat/completions/?",
    ],
)
def test_chat_on_vertex(path: str) -> None:
    assert route("POST", path, "/proxy") == Route("chat", CLAUDE, GCP)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{CLAUDE}/messages", Route("messages", CLAUDE, GCP)),
        (f"{CLAUDE}/v1/messages", Route("messages", CLAUDE, GCP)),  # an Anthropic SDK with the base as base_url
        (f"{CLAUDE}//v1/messages/?beta=true", Route("messages", CLAUDE, GCP)),
        (f"{CLAUDE}/v1/v1/messages", Route("messages", CLAUDE, GCP)),  # and with the base for OpenAI's
        (f"{CLAUDE}/messages/count_tokens", Route("count_tokens", CLAUDE, GCP)),
        (f"{CLAUDE}/v1/messages/count_tokens?beta=true", Route("count_tokens", CLAUDE, GCP)),
        ("/v1/messages", Route("messages", "/v1", None)),
        ("/messages", Route("messages", "/v1", None)),
        ("/v1/messages/count_tokens", Route("count_tokens", "/v1", None)),
        ("/v1/v1/messages/count_tokens", Route("count_tokens", "/v1", None)),
    ],
)
def test_anthropics_own_routes(path: str, expected: Route) -> None:
    assert route("POST", path, "/proxy") == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/messages", True),
        (f"{CLAUDE}//messages/count_tokens?beta=true", True),
        ("/v1/messages/batches/msgbatch_1/results", True),
        ("/wrong/v1/messages", True),
        ("http://localhost/v1/messages", True),
        ("/v1/chat/completions", False),
        ("/v1/models", False),
        ("/v1/chat/completions?messages", False),
        ("/v1/messages_too", False),
        ("/", False),
        ("", False),
        ("*", False),
    ],
)
def test_who_reads_anthropics_errors(path: str, expected: bool) -> None:
    assert is_native(path) is expected


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions", "//v1//chat/completions/?a"])
def test_chat_by_the_name_of_the_model(path: str) -> None:
    assert route("POST", path, "/proxy") == Route("chat", "/v1", None)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", Route("root")),
        ("//", Route("root")),
        ("/?a=b", Route("root")),
        ("/status", Route("status")),
        ("/status/", Route("status")),
        ("/status/page.js", Route("script")),
        ("/status/page.css", Route("style")),
        ("/status/details", Route("details")),
        ("/health", Route("health")),
        ("/health/readiness", Route("health")),
        ("/metrics", Route("metrics")),
        ("/favicon.ico", Route("favicon")),
        ("/v1/models", Route("models", "/v1")),
        ("/models", Route("models", "/v1")),
        ("/v1//models/", Route("models", "/v1")),
        (f"{CLAUDE}/models", Route("models", CLAUDE, GCP)),
        (f"{CLAUDE}/v1/models", Route("models", CLAUDE, GCP)),
        (f"{CLAUDE}//models", Route("models", CLAUDE, GCP)),
        ("/v1/models/claude-x", Route("model", "/v1", None, "claude-x")),
        (f"{CLAUDE}/models/claude-x@20250929", Route("model", CLAUDE, GCP, "claude-x@20250929")),
        (f"{CLAUDE}/models/claude-x%4020250929?y", Route("model", CLAUDE, GCP, "claude-x@20250929")),
        ("/v1/models/anthropic%2Fclaude-x", Route("model", "/v1", None, "anthropic/claude-x")),
        ("/v1/models/anthropic/claude-x/", Route("model", "/v1", None, "anthropic/claude-x")),
        ("/v1/models/claude%2525", Route("model", "/v1", None, "claude%25")),
        ("/v1/models/models", Route("model", "/v1", None, "models")),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading(method: str, path: str, expected: Route) -> None:
    assert route(method, path, "/proxy") == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/proxy/aws/claude/v1/chat/completions", Route("chat", "/proxy/aws/claude", ("aws", "claude"))),
        ("/proxy/aws/claude/messages", Route("messages", "/proxy/aws/claude", ("aws", "claude"))),
        ("/proxy/aws/claude/v1/messages/count_tokens", Route("count_tokens", "/proxy/aws/claude", ("aws", "claude"))),
        ("/proxy/aws/claude/v1/embeddings", Route("embeddings", "/proxy/aws/claude", ("aws", "claude"))),
        ("/proxy/azure/openai/v1/chat/completions", Route("chat", "/proxy/azure/openai", ("azure", "openai"))),
        ("/proxy/azure/openai/embeddings", Route("embeddings", "/proxy/azure/openai", ("azure", "openai"))),
        ("/proxy/azure/openai/images/generations", Route("images", "/proxy/azure/openai", ("azure", "openai"))),
        ("/proxy/azure/claude/v1/messages", Route("messages", "/proxy/azure/claude", ("azure", "claude"))),
        ("/proxy/gcp/gemini/v1/chat/completions", Route("chat", "/proxy/gcp/gemini", ("gcp", "gemini"))),
        ("/v1/embeddings", Route("embeddings", "/v1")),
        ("/v1/images/generations", Route("images", "/v1")),
    ],
)
def test_each_cloud_has_its_own_path(path: str, expected: Route) -> None:
    assert route("POST", path, "/proxy") == expected


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("/proxy/gcp/claude/embeddings", "POST /v1/embeddings"),
        ("/proxy/azure/openai/v1/messages", "POST /v1/messages"),
        ("/proxy/aws/claude/images/generations", "POST /v1/images/generations"),
        ("/proxy/gcp/gemini/messages/count_tokens", "POST /v1/messages/count_tokens"),
    ],
)
def test_what_a_cloud_does_not_have_is_told(path: str, instead: str) -> None:
    with pytest.raises(NotFound, match=instead):
        route("POST", path, "/proxy")


@pytest.mark.parametrize(
    ("prefix", "base"),
    [("/proxy", CLAUDE), ("proxy/", CLAUDE), ("", "/gcp/claude"), ("/", "/gcp/claude"), ("/a//b/", "/a/b/gcp/claude")],
)
def test_prefix(prefix: str, base: str) -> None:
    assert base_of(prefix, GCP) == base
    assert route("POST", f"{base}/v1/chat/completions", prefix) == Route("chat", base, GCP)
    assert route("POST", "/v1/chat/completions", prefix) == Route("chat", "/v1", None)


def test_another_prefix_replaces_the_usual_one() -> None:
    with pytest.raises(NotFound, match="POST /mine/gcp/claude/chat/completions"):
        route("POST", "/proxy/gcp/claude/chat/completions", "/mine")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("HEAD", "/v1/chat/completions", "POST"),
        ("GET", "/v1/messages", "POST"),
        ("PUT", f"{CLAUDE}/v1/messages/count_tokens", "POST"),
        ("OPTIONS", f"{CLAUDE}/chat/completions", "POST"),
        ("post", f"{CLAUDE}/chat/completions", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/v1/models/claude-x", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("POST", "/status", "GET, HEAD"),
        ("GET", "/status/check", "POST"),
        ("PUT", "/health", "GET, HEAD"),
    ],
)
def test_wrong_method(method: str, path: str, allow: str) -> None:
    with pytest.raises(MethodNotAllowed) as raised:
        route(method, path, "/proxy")
    assert raised.value.status == 405
    assert raised.value.headers()["allow"] == allow
    assert allow.split(", ", maxsplit=1)[0] in raised.value.message


@pytest.mark.parametrize(
    ("method", "path", "nearest"),
    [
        ("GET", f"{CLAUDE}/model", f"GET {CLAUDE}/models"),
        ("GET", f"{CLAUDE}/v1/modles", f"GET {CLAUDE}/models"),
        ("POST", f"{CLAUDE}/chat/completion", f"POST {CLAUDE}/chat/completions"),
        ("POST", f"{CLAUDE}/chat", f"POST {CLAUDE}/chat/completions"),
        ("POST", f"{CLAUDE}/chat/completions/chat/completions", f"POST {CLAUDE}/chat/completions"),
        ("GET", f"{CLAUDE}/chat/completions/models", f"POST {CLAUDE}/chat/completions"),
        ("POST", f"{CLAUDE}/v2/chat/completions", f"POST {CLAUDE}/chat/completions"),
        ("POST", f"{CLAUDE}/v1/message", f"POST {CLAUDE}/messages"),
        ("POST", f"{CLAUDE}/messages/count", f"POST {CLAUDE}/messages/count_tokens"),
        ("POST", f"{CLAUDE}/v2/messages", f"POST {CLAUDE}/messages"),
        ("POST", "/v1/messages/count-tokens", "POST /v1/messages/count_tokens"),
        ("GET", "/proxy", f"GET {CLAUDE}/models"),
        ("POST", f"{CLAUDE}/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", f"POST {CLAUDE}/chat/completions"),
        ("POST", "/proxy/gpc/claude/chat/completions", f"POST {CLAUDE}/chat/completions"),
        ("GET", "/proxy/google/claude/models", f"GET {CLAUDE}/models"),
        ("POST", "/PROXY/GCP/claude/chat/completions", f"POST {CLAUDE}/chat/completions"),
        ("POST", "/v1/chat/completion", "POST /v1/chat/completions"),
        ("POST", "/V1/chat/completions", "POST /v1/chat/completions"),
        ("GET", "/v2/models", "GET /v1/models"),
        ("GET", "/stats", "GET /status"),
        ("GET", "/healthz", "GET /health"),
        ("GET", "/metric", "GET /metrics"),
        ("GET", "/zzzzzz", "POST /v1/chat/completions"),
    ],
)
def test_an_unknown_path_is_told_the_nearest(method: str, path: str, nearest: str) -> None:
    with pytest.raises(NotFound) as raised:
        route(method, path, "/proxy")
    assert raised.value.message.endswith(f" is {nearest}.")


@pytest.mark.parametrize("path", [CLAUDE, f"{CLAUDE}/v1", f"{CLAUDE}/v1/"])
def test_a_base_url_opened_by_itself_says_what_it_is(path: str) -> None:
    with pytest.raises(NotFound, match=rf"base URL.* GET {CLAUDE}/models"):
        route("GET", path, "/proxy")


def test_the_plain_base_url_too() -> None:
    with pytest.raises(NotFound, match=r"base URL.* GET /v1/models"):
        route("GET", "/v1", "/proxy")


@pytest.mark.parametrize(
    ("path", "served"),
    [
        ("/v1/completions", "POST /v1/chat/completions"),
        ("/v1/responses", "POST /v1/chat/completions"),
        (f"{CLAUDE}/completions", f"POST {CLAUDE}/chat/completions"),
        ("/v1/complete", "POST /v1/messages"),
        (f"{CLAUDE}/v1/messages/batches", f"POST {CLAUDE}/messages"),
        ("/v1/images/edits", "POST /v1/images/generations"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_comes_later_says_so(method: str, path: str, served: str) -> None:
    with pytest.raises(NotFound, match="This version does not serve") as raised:
        route(method, path, "/proxy")
    assert raised.value.message.endswith(f"Use {served}.")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "*",
        "v1/models",
        "http://localhost/v1/models",
        "/v1/../v1/models",
        "/./v1/models",
        "/%2e%2e/v1/models",
        "/v1/chat%2Fcompletions",
        "/v1%2fchat/completions",
        "/%761/chat/completions",
        "/v1/chat/completions%3f",
        "/v1\\chat\\completions",
        "/v1/chat/completions\\",
        "/v1/chat/completions\x00",
        "/v1/chat/completions%00",
        "/v1/chat/completions;a",
        "/v1/chat/completions#a",
        "/v1/models\u2028",
        "/v1/\uff4dodels",
        "/v1/models\udcff",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_tricks_find_no_route(method: str, path: str) -> None:
    with pytest.raises(NotFound):
        route(method, path, "/proxy")


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "%2e%2e",
        "..%2fstatus",
        "a%2f%2fb",
        "a%5cb",
        "a%00",
        "%ff",
        "claude%0d%0aset-cookie:a",
        "a" * 300,
    ],
)
def test_tricks_in_the_name_of_a_model(name: str) -> None:
    with pytest.raises(NotFound):
        route("GET", f"/v1/models/{name}", "/proxy")


PIECES = st.one_of(
    st.sampled_from(
        [
            "proxy",
            "gcp",
            "claude",
            "v1",
            "chat",
            "completions",
            "models",
            "status",
            "health",
            "..",
            "%2e%2e",
            "%2F",
            "/",
            "//",
            "\\",
            "?",
            "#",
            "%",
            "%00",
            "aws",
            "azure",
            "openai",
            "gemini",
            "embeddings",
            "images",
            "generations",
            "messages",
            "count_tokens",
        ]
    ),
    st.text(st.characters(codec=None), max_size=6),
)
PATHS = st.one_of(
    st.text(st.characters(codec=None), max_size=60),
    st.lists(PIECES, max_size=10).map(lambda pieces: "/" + "/".join(pieces)),
)

PREFIXES = st.sampled_from(["/proxy", "", "/a/b"])


@given(method=st.one_of(st.sampled_from(["GET", "POST"]), st.text(max_size=5)), path=PATHS, prefix=PREFIXES)
def test_any_path_finds_a_route_or_a_bridge_error(method: str, path: str, prefix: str) -> None:
    try:
        found = route(method, path, prefix)
    except BridgeError as error:
        assert error.status in (404, 405)
        assert error.message
    else:
        # What was found can be read off the path itself: no decoding and no dots led there.
        plain = [part for part in path.partition("?")[0].split("/") if part]
        if found.kind == "chat":
            assert method == "POST" and plain[-2:] == ["chat", "completions"]
        elif found.kind == "messages":
            assert method == "POST" and plain[-1] == "messages"
        elif found.kind == "count_tokens":
            assert method == "POST" and plain[-2:] == ["messages", "count_tokens"]
        elif found.kind == "embeddings":
            assert method == "POST" and plain[-1] == "embeddings"
        elif found.kind == "images":
            assert method == "POST" and plain[-2:] == ["images", "generations"]
        elif found.kind == "model":
            assert method in ("GET", "HEAD") and "models" in plain
        else:
            assert method in ("GET", "HEAD") and plain[-1:] in ([], [found.kind], ["readiness"], ["favicon.ico"])
        assert ".." not in plain
