"""RFC 6962 hashing: the tree of the reference vectors of certificate-transparency (merkletree tests, 8 leaves).

Source: https://github.com/google/certificate-transparency/blob/master/python/ct/crypto/merkle_test.py
"""

import hashlib

from ccmm_proto.leaf import leaf_hash, node_hash, root_hash

LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def test_roots_equal_the_published_ones() -> None:
    hashes = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in LEAVES]
    assert root_hash([]).hex() == EMPTY_ROOT
    assert {size: root_hash(hashes[:size]).hex() for size in ROOTS} == ROOTS


def test_a_leaf_is_bound_to_its_recorded_time() -> None:
    leaf = leaf_hash(1, b"pae", b"signature")
    assert leaf == hashlib.sha256(b"\x00" + (1).to_bytes(8, "big") + b"pae" + b"signature").digest()
    assert leaf != leaf_hash(2, b"pae", b"signature")
    assert node_hash(leaf, leaf) != node_hash(leaf, leaf_hash(2, b"pae", b"signature"))
