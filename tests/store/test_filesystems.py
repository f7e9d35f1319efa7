"""A store is refused where locks and shared memory do not work."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import StoreRefusedError
from headrace.store import filesystem

TABLE = r"""
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:40 / /mnt/share rw,relatime - nfs4 server:/export rw,vers=4.2
31 22 0:41 / /mnt/share/inner rw - ext4 /dev/vdb rw
32 22 0:42 / /mnt/my\040disk rw - cifs //server/share rw
33 22 0:43 / /home/me/remote rw - fuse.sshfs me@host:/ rw
34 22 0:44 / /mnt/c rw - 9p C:\134 rw,trans=fd,rfd=8,wfd=8
35 22 0:45 / /sandbox rw - 9p none rw,trans=fd,rfdno=4,wfdno=4
36 22 0:46 / /over rw - nfs server:/old rw
37 22 0:47 / /over rw - tmpfs tmpfs rw
38 22 0:48 / /mnt/disk rw - fuse.ext4 /dev/sdc rw
broken line
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mountinfo"
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize(
    ("path", "kind", "refused"),
    [
        ("/srv/shop", "ext4", False),
        ("/mnt/share", "nfs4", True),
        ("/mnt/share/deep/down", "nfs4", True),
        ("/mnt/shared", "ext4", False),
        ("/mnt/share/inner", "ext4", False),
        ("/mnt/my disk", "cifs", True),
        ("/home/me/remote/x", "fuse.sshfs", True),
        ("/mnt/c/Users", "9p", True),
        ("/sandbox/x", "gvisor", False),
        ("/over", "tmpfs", False),
        ("/mnt/disk", "fuse.ext4", False),
    ],
)
def test_the_mount_that_holds_a_path_decides(table, path, kind, refused):
    assert filesystem.type_of(Path(path), mount_table=table) == kind
    assert filesystem.is_network(kind) is refused
    if refused:
        with pytest.raises(
            StoreRefusedError, match=r"network file system \(.*put the store on a local"
        ):
            filesystem.refuse_network(Path(path), mount_table=table)
    else:
        filesystem.refuse_network(Path(path), mount_table=table)


def test_a_link_to_a_network_file_system_is_followed(table, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "resolve", lambda self, strict=False: Path("/mnt/share/x"))

    assert filesystem.type_of(tmp_path, mount_table=table) == "nfs4"


def test_without_a_mount_table_nothing_is_refused(tmp_path):
    filesystem.refuse_network(tmp_path, mount_table=tmp_path / "missing")


def test_this_machines_own_directory_is_told(tmp_path):
    assert filesystem.type_of(tmp_path)
