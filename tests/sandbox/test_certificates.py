"""The certificate is made once, readable by its owner alone, and renewed when it no longer serves."""

from __future__ import annotations

import stat

import pytest
from cryptography import x509

from sandbox.certificates import NoCertificate, certificate_in


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tls"


def test_it_is_made_on_first_use_and_kept(folder):
    first, second = certificate_in(folder), certificate_in(folder)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.ca_file.read_bytes() == second.ca_file.read_bytes()


def test_only_the_owner_can_read_it(folder):
    made = certificate_in(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (made.ca_file, made.chain_file)} == {0o600}


def test_the_authoritys_key_is_written_nowhere(folder):
    certificate_in(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["ca.pem", "lock", "server.pem"]
    assert b"PRIVATE KEY" not in (folder / "ca.pem").read_bytes()


def test_it_names_this_machine_and_the_hosts_asked_for(folder):
    made = certificate_in(folder, ["crm.internal"])
    leaf = x509.load_pem_x509_certificate(made.chain_file.read_bytes())
    told = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert told.get_values_for_type(x509.DNSName) == ["localhost", "crm.internal"]
    assert [str(one) for one in told.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_a_host_it_lacks_makes_a_new_one_and_fewer_hosts_do_not(folder):
    certificate_in(folder)
    assert certificate_in(folder, ["crm.internal"]).is_new
    assert not certificate_in(folder).is_new


@pytest.mark.parametrize("name", ["ca.pem", "server.pem"])
def test_a_damaged_or_missing_file_makes_a_new_one(folder, name):
    certificate_in(folder)
    (folder / name).write_text("nonsense")
    assert certificate_in(folder).is_new
    (folder / name).unlink()
    assert certificate_in(folder).is_new


def test_files_of_two_certificates_are_not_mixed(folder, tmp_path):
    certificate_in(folder)
    other = certificate_in(tmp_path / "other")
    (folder / "ca.pem").write_bytes(other.ca_file.read_bytes())
    assert certificate_in(folder).is_new


def test_a_folder_that_cannot_be_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NoCertificate, match="LEADRELAY_SANDBOX_TLS_FOLDER"):
        certificate_in(tmp_path / "file" / "tls")
