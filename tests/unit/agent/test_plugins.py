"""Plugins are found by entry point, imported only when named, and refused when misspelt."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pluggy
import pytest

from ccmm_agent import plugins
from ccmm_agent.plugin import Source, SourceUnavailable, hookimpl
from ccmm_agent.plugins import entry_point_of, module_digest, plugin_entry_points, plugin_software, sources_of
from ccmm_proto.reasons import Reason
from tests.contract import fake_source
from tests.contract.fake_source import Ticks


def module_with(**names: object) -> ModuleType:
    module = ModuleType("some_plugin")
    vars(module).update(names)
    return module


def test_a_module_gives_the_sources_its_hook_registers() -> None:
    assert sources_of(fake_source) == {"ticks": Ticks}


def test_a_misspelt_hook_is_an_error_and_not_an_empty_plugin() -> None:
    @hookimpl
    def register_source(register: Callable[[type[Source]], None]) -> None:
        register(Ticks)

    with pytest.raises(pluggy.PluginValidationError):
        sources_of(module_with(register_source=register_source))


def test_a_word_taken_twice_is_an_error() -> None:
    class Other(Ticks):
        pass

    @hookimpl
    def register_sources(register: Callable[[type[Source]], None]) -> None:
        register(Ticks)
        register(Other)

    with pytest.raises(ValueError, match="'ticks' is taken twice"):
        sources_of(module_with(register_sources=register_sources))


def test_words_and_their_stems_find_the_entry_point() -> None:
    assert entry_point_of("asterisk").name == "asterisk"
    assert entry_point_of("asterisk_cdr").name == "asterisk"
    for word in ("asteriskcdr", "no_such", "aster", ""):
        with pytest.raises(SourceUnavailable) as error:
            entry_point_of(word)
        assert error.value.reason is Reason.BAD_OPTION


def test_a_word_its_plugin_does_not_have_is_named() -> None:
    with pytest.raises(SourceUnavailable, match="ticks"):
        plugins.load_source("tocks", "tests.contract.fake_source")


def test_finding_and_fingerprinting_imports_no_plugin() -> None:
    code = (
        "import sys; from ccmm_agent import plugins, reading;"
        "words = [point.name for point in plugins.plugin_entry_points()];"
        "[plugins.plugin_software(word) for word in words];"
        "print(len(words), [name for name in sys.modules if name.startswith('ccmm_plugin')])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert printed.split(maxsplit=1) == [str(len(plugin_entry_points())), "[]\n"]


def test_the_digest_covers_every_file_and_its_name(tmp_path: Path) -> None:
    package = tmp_path / "some_package"
    package.mkdir()
    (package / "__init__.py").write_text("a = 1\n")
    digests = {module_digest("some_package.inner", tmp_path)}
    (package / "inner.py").write_text("b = 2\n")
    digests.add(module_digest("some_package.inner", tmp_path))
    (package / "inner.py").write_text("b = 3\n")
    digests.add(module_digest("some_package.inner", tmp_path))
    (package / "inner.py").rename(package / "outer.py")
    digests.add(module_digest("some_package.inner", tmp_path))
    assert len(digests) == 4
    (tmp_path / "single.py").write_text("c = 1\n")
    expected = hashlib.sha256(b"single\x006\x00c = 1\n").digest()
    assert module_digest("single", tmp_path) == expected


def test_software_names_the_distribution() -> None:
    software = plugin_software("asterisk_cdr")
    assert (software.name, software.version) == ("ccmm-plugin-telephony", "0.1.0")
    assert len(software.digest) == 32
