"""SimpleSAMLphp 1.19 from Debian, as an identity provider on a free port of 127.0.0.1.

Its site is 127.0.0.1 and the portal's is localhost: different sites, as in production, so that a cross-site POST
behaves as one. The configuration is Debian's own with overrides; signing keys are made at run time.
"""

import contextlib
import html
import json
import os
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path

from tests.saml_forge.keys import KeyPair, rsa_key
from tests.servers.process import free_port, need_command, need_path, running

HOME = "/usr/share/simplesamlphp"
PACKAGE = "simplesamlphp"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
USERS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "alice": {"uid": ["alice"], "mail": ["alice@example.test"], "groups": ["staff", "payments"]},
    "bob": {"uid": ["bob"], "mail": ["bob@example.test"], "groups": ["staff"]},
    "carol": {"uid": ["carol"], "mail": ["carol@example.test"], "groups": ["admins"]},
}


@dataclass(frozen=True)
class Sp:
    """A service provider that the server knows. `encrypt`: "" for not at all, "gcm" or "cbc".

    `slo_url`: where it is told of log-outs, by redirect; its messages must be signed.
    `name_id_from`: the attribute whose value becomes the NameID, in `name_id_format`.
    """

    entity_id: str
    acs_url: str
    certificate: str | None = None
    encrypt: str = ""
    sign_assertion: bool = True
    sign_response: bool = True
    require_signed_requests: bool = False
    name_id_format: str = PERSISTENT
    name_id_from: str = "uid"
    slo_url: str | None = None

    def php(self) -> dict[str, object]:
        settings: dict[str, object] = {
            "AssertionConsumerService": self.acs_url,
            "NameIDFormat": self.name_id_format,
            "saml20.sign.assertion": self.sign_assertion,
            "saml20.sign.response": self.sign_response,
            "assertion.encryption": bool(self.encrypt),
            "validate.authnrequest": self.require_signed_requests,
            "simplesaml.nameidattribute": self.name_id_from,
            "authproc": {
                "3": {
                    "class": "saml:AttributeNameID",
                    "attribute": self.name_id_from,
                    "Format": self.name_id_format,
                }
            },
        }
        if self.slo_url is not None:
            settings |= {"SingleLogoutService": self.slo_url, "sign.logout": True, "validate.logout": True}
        if self.certificate is not None:
            settings["certData"] = "".join(self.certificate.splitlines()[1:-1])
        return settings


@dataclass(frozen=True)
class SimpleSamlPhp:
    """A running server. Every user's password is the name followed by `pass`: `alicepass`."""

    url: str
    entity_id: str
    metadata: bytes = field(repr=False)

    def login(self, redirect_url: str, user: str, password: str) -> tuple[str, str, str | None]:
        """Follow `redirect_url` as a browser would: returns the ACS URL, SAMLResponse and RelayState."""
        browser = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )
        action, fields = _form(*_get(browser, redirect_url))
        fields |= {"username": user, "password": password}
        action, fields = _form(*_get(browser, action, fields))
        assert "SAMLResponse" in fields, f"no SAMLResponse from {action}: {sorted(fields)}"
        return action, fields["SAMLResponse"], fields.get("RelayState")


def _get(
    browser: urllib.request.OpenerDirector, url: str, fields: Mapping[str, str] | None = None
) -> tuple[str, str]:
    data = None if fields is None else urllib.parse.urlencode(fields).encode()
    with browser.open(url, data, timeout=30) as answer:
        return answer.geturl(), answer.read().decode()


def _form(url: str, page: str) -> tuple[str, dict[str, str]]:
    form = re.search(r'<form[^>]*\baction="([^"]*)"', page)
    said = " ".join(re.sub(r"<[^>]*>", " ", page).split())[:500]
    assert form is not None, f"no form at {url.partition('?')[0]}: {said}"
    fields = {}
    for tag in re.findall(r"<input\b[^>]*>", page):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "name" in attributes:
            fields[html.unescape(attributes["name"])] = html.unescape(attributes.get("value", ""))
    return urllib.parse.urljoin(url, html.unescape(form[1])), fields


@contextlib.contextmanager
def simplesamlphp(
    directory: Path, sps: Sequence[Sp], *, key: KeyPair | None = None, users: Mapping[str, object] = USERS
) -> Iterator[SimpleSamlPhp]:
    """Run a server that knows `sps` and `users`, with its configuration and data in `directory`."""
    php = need_command("php", package="php-cli")
    home = need_path(HOME, package=PACKAGE)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    entity_id = f"{url}saml2/idp/metadata.php"
    config = _configure(directory, url, sps, key or rsa_key("simplesamlphp"), users)
    environment = {"SIMPLESAMLPHP_CONFIG_DIR": str(config), "PHP_CLI_SERVER_WORKERS": "4"}
    settings = ["-d", f"session.save_path={directory / 'tmp'}", "-d", "error_reporting=E_ALL & ~E_DEPRECATED"]
    command = [php, *settings, "-S", f"127.0.0.1:{port}", "-t", str(home / "www")]
    with running(command, log=directory / "php.log", port=port, env=environment):
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            entity_id, timeout=30
        ) as answer:
            metadata = answer.read()
        yield SimpleSamlPhp(url, entity_id, metadata)


def _configure(
    directory: Path, url: str, sps: Sequence[Sp], key: KeyPair, users: Mapping[str, object]
) -> Path:
    folders = {name: directory / name for name in ("config", "metadata", "cert", "data", "log", "tmp")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    for name, text in (("idp.pem", key.private), ("idp.crt", key.certificate)):
        with open(os.open(folders["cert"] / name, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:  # noqa: PTH123
            file.write(text)
    ciphers = {sp.encrypt for sp in sps if sp.encrypt}
    assert len(ciphers) <= 1, "one server encrypts by one cipher"
    (folders["config"] / "config.php").write_text(_config(folders, url, gcm="gcm" in ciphers))
    (folders["config"] / "authsources.php").write_text(_authsources(users))
    hosted = {
        "__DYNAMIC:1__": {
            "host": "__DEFAULT__",
            "privatekey": "idp.pem",
            "certificate": "idp.crt",
            "auth": "example-userpass",
            "signature.algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        }
    }
    known = {sp.entity_id: sp.php() for sp in sps}
    (folders["metadata"] / "saml20-idp-hosted.php").write_text(_assigned("metadata", hosted))
    (folders["metadata"] / "saml20-sp-remote.php").write_text(_assigned("metadata", known))
    return folders["config"]


def _config(folders: Mapping[str, Path], url: str, *, gcm: bool) -> str:
    debian = need_path("/etc/simplesamlphp/config.php", package=PACKAGE).read_text()
    # Debian keeps salt and admin password in a file that only www-data reads; ours stand below.
    debian = re.sub(r"(?m)^\s*require_once.*secrets\.inc\.php.*$", "", debian)
    ours = {
        "baseurlpath": url,
        "certdir": f"{folders['cert']}/",
        "loggingdir": f"{folders['log']}/",
        "datadir": f"{folders['data']}/",
        "tempdir": f"{folders['tmp']}",
        "metadatadir": f"{folders['metadata']}/",
        "logging.handler": "file",
        "secretsalt": "only-for-tests-on-this-machine",
        "auth.adminpassword": "only-for-tests-on-this-machine",
        "timezone": "UTC",
        "enable.saml20-idp": True,
        "module.enable": {"exampleauth": True, "core": True, "saml": True},
        "session.cookie.secure": False,
        "session.cookie.samesite": "Lax",
        "language.cookie.secure": False,
        "language.cookie.samesite": "Lax",
        "authproc.idp": {},
        "statistics.out": {},
    }
    return (
        f"{debian}\n$config = array_replace($config, {_php(ours)});\n{_gcm(folders['config']) if gcm else ''}"
    )


def _gcm(directory: Path) -> str:
    """Make the server encrypt with AES-128-GCM.

    1.19 has the name of AES-128-CBC written in its code, though its XML library does GCM as well: the class is
    loaded from a copy with that one word changed.
    """
    source = need_path(f"{HOME}/vendor/simplesamlphp/saml2/src/SAML2/EncryptedAssertion.php", package=PACKAGE)
    text = source.read_text()
    cbc, gcm = (f"new XMLSecurityKey(XMLSecurityKey::AES128_{mode})" for mode in ("CBC", "GCM"))
    assert text.count(cbc) == 1
    copy = directory / "EncryptedAssertion.php"
    copy.write_text(text.replace(cbc, gcm))
    return f"require_once {_quoted(str(copy))};\n"


def _authsources(users: Mapping[str, object]) -> str:
    people = {f"{name}:{name}pass": attributes for name, attributes in users.items()}
    return _assigned(
        "config",
        {"admin": {"0": "core:AdminPassword"}, "example-userpass": {"0": "exampleauth:UserPass", **people}},
    )


def _assigned(variable: str, values: Mapping[str, object]) -> str:
    return f"<?php\n${variable} = {_php(values)};\n"


def _php(value: object) -> str:
    """A PHP literal by way of JSON, which quotes what PHP would interpolate."""
    return f"json_decode({_quoted(json.dumps(value))}, true)"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
