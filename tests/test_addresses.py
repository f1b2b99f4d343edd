"""addresses.py: which URLs and addresses may be asked for, as tables written by hand, and no input that breaks it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from oai_bridge.outward.addresses import Target, Unfetchable, allowed_addresses, redirected, target_of

SECRET = "sig-9f8e7d"


def wide(text: str) -> str:
    """The full-width twins of ASCII characters, which IDNA folds together."""
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


def refusal(url: str, *, allow_private: bool = False) -> str:
    with pytest.raises(Unfetchable) as caught:
        target_of(url, allow_private=allow_private)
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "path"),
    [
        ("https://pics.example.com/a.png", "https", "pics.example.com", 443, "/a.png"),
        ("http://pics.example.com", "http", "pics.example.com", 80, "/"),
        ("HTTPS://PICS.Example.COM:443/A", "https", "pics.example.com", 443, "/A"),
        ("https://pics.example.com:8443?x=1#part", "https", "pics.example.com", 8443, "/?x=1"),
        ("https://pics.example.com:/a", "https", "pics.example.com", 443, "/a"),
        ("https://pics.example.com./a", "https", "pics.example.com", 443, "/a"),
        ("  https://pics.example.com/a\n", "https", "pics.example.com", 443, "/a"),
        ("https://a_b.example.com/a", "https", "a_b.example.com", 443, "/a"),
        ("https://straße.example/ä b.png", "https", "xn--strae-oqa.example", 443, "/%C3%A4%20b.png"),
        (f"https://{wide('pics')}。example/", "https", "pics.example", 443, "/"),
        ("https://x.example/a%2Fb%zz+c?s=%2B/+&t=%7E~", "https", "x.example", 443, "/a%2Fb%zz+c?s=%2B/+&t=%7E~"),
        ("https://x.example/a\\b", "https", "x.example", 443, "/a%5Cb"),
        ("https://8.8.8.8/a", "https", "8.8.8.8", 443, "/a"),
        ("https://8.8.8.8./a", "https", "8.8.8.8", 443, "/a"),
        ("http://[2606:4700:0::1111]:8080/a", "http", "2606:4700::1111", 8080, "/a"),
        ("https://1.example.com/a", "https", "1.example.com", 443, "/a"),
    ],
)
def test_what_is_read_from_a_url(url: str, scheme: str, host: str, port: int, path: str) -> None:
    target = target_of(url, allow_private=False)
    assert (target.scheme, target.host, target.port, target.path) == (scheme, host, port, path)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "http"),
        ("pics.example.com/a.png", "http"),
        ("//pics.example.com/a.png", "http"),
        ("ftp://pics.example.com/a", "http"),
        ("file:///etc/passwd", "http"),
        ("gopher://pics.example.com/_a", "http"),
        ("data:image/png;base64,AAAA", "http"),
        ("blob:https://pics.example.com/1", "http"),
        ("https:pics.example.com", "understood"),
        ("https:///a.png", "understood"),
        ("https://me:pw@pics.example.com/", "login"),
        ("https://pics.example.com@8.8.8.8/", "login"),
        ("https://@pics.example.com/", "login"),
        ("https://pics.example.com\\@8.8.8.8/", "login"),
        ("https://8.8.8.8\\.example.com/", "understood"),
        ("https://pics.example.com%2f@x/", "login"),
        ("https://127%2e0%2e0%2e1/", "understood"),
        ("https://pics.exam ple.com/", "understood"),
        ("https://pics..example.com/", "understood"),
        ("https://pics.example.com../", "understood"),
        ("https://.example.com/", "understood"),
        ("https://" + "a" * 64 + ".com/", "understood"),
        ("https://" + "a." * 150 + "com/", "understood"),
        ("https://" + "ä." * 126 + "a/", "understood"),
        ("https://pi\u200bcs.example.com/", "control"),
        ("https://pi\u00adcs.example.com/", "control"),
        ("https://pics.example.com/\u0000", "control"),
        ("https://pics.exa\tmple.com/", "control"),
        ("https://pics.example.com/a\r\nHost: b", "control"),
        ("https://pics.example.com/\ud800", "control"),
        (f"https://{wide('a/b')}.example/", "understood"),
        ("https://[::1", "understood"),
        ("https://[2606:4700::1111]x/", "understood"),
        ("https://x[2606:4700::1111]/", "understood"),
        ("https://[2606:4700::1111%25eth0]/", "understood"),
        ("https://[v1.2606]/", "understood"),
        ("https://[8.8.8.8]/", "understood"),
        ("https://2606:4700::1111/", "understood"),
        ("https://[" + "1:" * 9 + "]/", "understood"),
        ("https://pics.example.com:x/", "understood"),
        ("https://pics.example.com:-1/", "understood"),
        (f"https://pics.example.com:{wide('1')}/", "understood"),
        ("https://pics.example.com:0/", "port 0"),
        ("https://pics.example.com:22/", "port 22"),
        ("https://pics.example.com:25/", "port 25"),
        ("https://pics.example.com:65536/", "port 65536"),
        ("https://pics.example.com/" + "a" * 8192, "longer"),
    ],
)
@pytest.mark.parametrize("allow_private", [False, True])
def test_urls_that_are_not_fetched(url: str, says: str, allow_private: bool) -> None:
    assert says in refusal(url, allow_private=allow_private)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "127.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "0x7f.0x0.0x0.0x1",
        "1.2.3.4.5",
        "256.1.1.1",
        "8.8.8.0x8",
        "8.8.2056",
        "0",
        "0x",
        "example.0x7f",
        "①②⑦.1",
    ],
)
@pytest.mark.parametrize("allow_private", [False, True])
def test_numbers_that_a_resolver_takes_for_addresses(host: str, allow_private: bool) -> None:
    assert "number" in refusal(f"http://{host}/", allow_private=allow_private)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "ⓛocalhost",
        "a.localhost",
        "nas",
        "printer.local",
        "metadata.google.internal",
        "Metadata.Google.Internal.",
        "metadata。google。internal",
        "host.docker.internal",
        "nas.home.arpa",
        "127.0.0.1",
        f"{wide('127')}。{wide('0')}。0。1",
        "10.1.2.3",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[fd12::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::10.0.0.1]",
    ],
)
def test_hosts_that_only_the_operator_may_open(host: str) -> None:
    assert "images.allow_private" in refusal(f"http://{host}/")
    assert target_of(f"http://{host}/", allow_private=True).port == 80


PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]
PRIVATE = [
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "::1",
    "fc00::1",
    "fd00::1",
    "::ffff:192.168.0.1",
    "64:ff9b::127.0.0.1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::2",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:0.0.0.0",
    "64:ff9b:1::127.0.0.1",
    "64:ff9b::0.0.0.0",
    "100::1",
    "200::1",
    "2001::1",
    "2001:2::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.0",
    "169.254.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fe80::1",
    "fe80::a9fe:a9fe%eth0",
    "febf::1",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fd00:42::42",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
]


def verdict(address: str, *, allow_private: bool) -> str:
    try:
        allowed_addresses("x.example", ["8.8.8.8", address], allow_private=allow_private)
    except Unfetchable as why:
        assert address not in str(why)
        if "credentials" in str(why):
            return "metadata"
        return "private" if "images.allow_private" in str(why) else "never"
    return "allowed"


@pytest.mark.parametrize(
    ("addresses", "closed", "opened"),
    [
        (PUBLIC, "allowed", "allowed"),
        (PRIVATE, "private", "allowed"),
        (NEVER, "never", "never"),
        (METADATA, "metadata", "metadata"),
    ],
    ids=["public", "private", "never", "metadata"],
)
def test_addresses(addresses: list[str], closed: str, opened: str) -> None:
    assert {a: verdict(a, allow_private=False) for a in addresses} == dict.fromkeys(addresses, closed)
    assert {a: verdict(a, allow_private=True) for a in addresses} == dict.fromkeys(addresses, opened)


@pytest.mark.parametrize("address", [*NEVER, *METADATA])
def test_addresses_in_urls_are_judged_like_resolved_ones(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    refusal(f"https://{host}/", allow_private=True)


def test_ipv4_comes_first() -> None:
    found = allowed_addresses("x.example", ["2606:4700::1111", "8.8.8.8", "1.1.1.1", "8.8.8.8"], allow_private=False)
    assert [str(address) for address in found] == ["1.1.1.1", "8.8.8.8", "2606:4700::1111"]


@given(st.ip_addresses(v=4), st.booleans())
def test_an_ipv4_address_is_judged_alike_in_all_its_ipv6_forms(address: IPv4Address, allow_private: bool) -> None:
    plain = verdict(str(address), allow_private=allow_private)
    assert verdict(f"::ffff:{address}", allow_private=allow_private) == plain
    assert verdict(f"64:ff9b::{address}", allow_private=allow_private) == plain
    assert verdict(str(IPv6Address((0x2002 << 112) | int(address) << 80)), allow_private=allow_private) == "never"
    if not address.is_global:
        assert verdict(str(address), allow_private=False) != "allowed"


@given(st.ip_addresses(v=6))
def test_what_is_not_global_is_never_public(address: IPv6Address) -> None:
    mapped = address.ipv4_mapped or address
    if not mapped.is_global or mapped.is_multicast or mapped.is_link_local:
        assert verdict(str(address), allow_private=False) != "allowed"


@given(
    st.from_regex(
        r"\s?[hH]ttps?:[/\\]{0,3}([\w.@:%\[\]-]{0,20}@)?[^/]{0,20}(:\d{0,6})?([/?#\\].{0,20})?", fullmatch=True
    )
    | st.text(max_size=40).map("http://".__add__)
)
@example("http://a.example#@b.example/")
@example("http://a.example?@b.example/")
@example("http://a.example/../\\@b")
def test_no_url_breaks_it_and_others_read_the_result_alike(url: str) -> None:
    try:
        target = target_of(url, allow_private=True)
    except Unfetchable:
        return
    assert target.url.isascii() and target.url.isprintable() and " " not in target.url
    for encoded in (True, False):
        other = URL(target.url, encoded=encoded)
        assert (other.raw_host, other.port, other.scheme) == (target.host, target.port, target.scheme)
    assert target_of(target.url, allow_private=True) == target


@given(st.text(max_size=30))
def test_no_message_shows_more_than_the_host(text: str) -> None:
    for url in (
        f"https://user:{SECRET}@{text}/{SECRET}?{SECRET}",
        f"http://{text}.local/{SECRET}?{SECRET}#{SECRET}",
        f"{text}{SECRET}://x?{SECRET}",
    ):
        try:
            assert SECRET not in repr(target_of(url, allow_private=False))
        except Unfetchable as why:
            assert SECRET not in str(why)


HERE = Target("https", "pics.example.com", 443, "/a/b.png?x=1")


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/c.png", "https://pics.example.com/c.png"),
        ("c.png?y=2", "https://pics.example.com/a/c.png?y=2"),
        ("../../../c.png", "https://pics.example.com/c.png"),
        ("//cdn.example.com/c", "https://cdn.example.com/c"),
        ("https://cdn.example.com:8443/c", "https://cdn.example.com:8443/c"),
        ("?z", "https://pics.example.com/a/b.png?z"),
    ],
)
def test_where_a_redirect_leads(location: str, url: str) -> None:
    assert redirected(HERE, location, allow_private=False).url == url


@pytest.mark.parametrize(
    "location",
    [
        "http://pics.example.com/c",
        "http://cdn.example.com/c",
        "https://127.0.0.1/c",
        "//localhost/c",
        "//169.254.169.254/latest",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://me:pw@cdn.example.com/",
        "https://[::1",
        "https://pics.example.com:22/",
        "/\udcff",
    ],
)
def test_redirects_that_are_not_followed(location: str) -> None:
    with pytest.raises(Unfetchable):
        redirected(HERE, location, allow_private=False)


def test_a_redirect_from_http_to_https_is_followed() -> None:
    there = redirected(Target("http", "x.example", 80, "/"), "https://x.example/", allow_private=False)
    assert there.scheme == "https"


@pytest.mark.parametrize(
    ("url", "authority", "at"),
    [
        ("https://x.example/a?b", "x.example", "https://1.2.3.4/a?b"),
        ("http://x.example:443/", "x.example:443", "http://1.2.3.4:443/"),
        ("https://[2606:4700::1]:8443/", "[2606:4700::1]:8443", "https://1.2.3.4:8443/"),
    ],
)
def test_the_name_and_the_address_on_the_wire(url: str, authority: str, at: str) -> None:
    target = target_of(url, allow_private=False)
    assert target.authority == authority
    assert target.url_at(IPv4Address("1.2.3.4")) == at


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert HERE.url_at(IPv6Address("2606:4700::1")) == "https://[2606:4700::1]/a/b.png?x=1"
