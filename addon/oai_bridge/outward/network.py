"""Proxies and CA for everything that leaves this machine, the cloud and the token endpoint alike."""

from __future__ import annotations

import os
import ssl
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed leaves it out

import certifi

from ..settings.values import ConfigError, Network

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
DEFAULT_PORTS = {"http": 80, "https": 443}


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address, with or without brackets, can only be this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def proxy_address(where: str, text: str) -> str:
    """A proxy's URL from what a user wrote; `host:port` and the `socks://` of some desktops are understood.

    Raises `ConfigError` without the text, since it may hold a password.
    """
    url = text.strip()
    if "://" not in url:
        url = f"http://{url}"
    scheme, _, rest = url.partition("://")
    scheme = "socks5" if scheme.lower() == "socks" else scheme.lower()
    url = f"{scheme}://{rest}"
    if scheme not in _PROXY_SCHEMES or not _has_host_and_port(url):
        raise ConfigError(
            f"{where} is not a usable proxy: write it as http://host:port or socks5://host:port, or remove it."
        )
    return url


def proxy_for(url: str, network: Network) -> str | None:
    """The proxy for a request to `url`, or None for a direct one. Never asked by proxy are this machine itself and its
    own link, where clouds tell a machine who it is (169.254.169.254).

    `no_proxy` is read as by urllib (names with their sub-domains, `host:port`, `*`), and may hold `*.name` and CIDR
    ranges besides.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = network.proxies.get(parts.scheme) or network.proxies.get("all")
    address = _address(host)
    if proxy is None or is_loopback(host) or (address is not None and address.is_link_local):
        return None
    entries = [entry.removeprefix("*.") for entry in network.no_proxy.replace(",", " ").replace(";", " ").split()]
    if "*" in entries:
        return None
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    if proxy_bypass_environment(f"{host}:{port}", {"no": ",".join(entries)}):
        return None
    if address is not None and any(_holds(entry, address) for entry in entries):
        return None
    return proxy


def ssl_context(network: Network) -> ssl.SSLContext:
    """Trusts the system's store, certifi's and the user's CA (a PEM file or a folder of them): each adds to the others.

    The system's store knows a company's CA, certifi knows the public ones where the system's store is empty.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if network.ca_file is not None:
        try:
            if os.path.isdir(network.ca_file):
                context.load_verify_locations(capath=network.ca_file)
            else:
                context.load_verify_locations(cafile=network.ca_file)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise ConfigError(
                f"The CA file {network.ca_file} can't be used: let network.ca_file in config.yaml (or SSL_CERT_FILE, "
                "REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE) name a PEM file with certificates, or remove it."
            ) from error
    return context


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _holds(entry: str, address: IPv4Address | IPv6Address) -> bool:
    try:
        return address in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False


def _has_host_and_port(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and not any(c.isspace() for c in url)
    except ValueError:  # a port that is not a number, brackets that don't close
        return False
