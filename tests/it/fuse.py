"""A FUSE file system for tests: a folder, served by a program that can be stopped and made to fail.

    fuse.py FOLDER MOUNT_POINT CONTROL STATE

It speaks the kernel's protocol itself (include/uapi/linux/fuse.h), so it needs no library, only /dev/fuse and the right to
mount. CONTROL is a file of lines `OPERATION ERRNO` (lookup, getattr, open, read, opendir, readdir), read at each request:
those operations fail so. The byte of STATE is 1 while a request may be in here: the kernel takes back one that is not, and for one
that is, even a killed process waits. Nothing is cached, so that each call of the tested program arrives here. Read only.
"""

import ctypes
import errno
import mmap
import os
import select
import stat
import struct
import sys

ENTRY = struct.Struct("<QQQQII")
ATTR = struct.Struct("<QQQQQQIIIIIIIIII")
NAMES = {1: "lookup", 3: "getattr", 14: "open", 15: "read", 27: "opendir", 28: "readdir"}
UNANSWERED = (2, 36, 42)  # FORGET, INTERRUPT, BATCH_FORGET


class Folder:
    def __init__(self, folder, control):
        self.paths, self.ids, self.control = {1: folder}, {folder: 1}, control

    def node(self, path):
        if path not in self.ids:
            self.ids[path] = len(self.ids) + 1
            self.paths[self.ids[path]] = path
        return self.ids[path]

    def attributes(self, path):
        s = os.lstat(path)
        times = [int(t // 10**9) for t in (s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns)]
        parts = [t % 10**9 for t in (s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns)]
        return ATTR.pack(s.st_ino, s.st_size, s.st_blocks, *times, *parts, s.st_mode, s.st_nlink, s.st_uid, s.st_gid, 0, 4096, 0)

    def must_fail(self, operation):
        with open(self.control) as lines:
            for line in lines:
                name, _, number = line.strip().partition(" ")
                if name == operation:
                    raise OSError(int(number), operation)

    def answer(self, opcode, node, body):
        if opcode == 26:  # INIT
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 131072, 0, 12, 9, 131072, 1, 0, 0, 0)
        if opcode == 17:  # STATFS
            return struct.pack("<QQQQQIIII24x", 1 << 20, 1 << 19, 1 << 19, 1 << 20, 1 << 19, 4096, 255, 4096, 0)
        if opcode in (18, 25, 29, 34, 38):  # RELEASE, FLUSH, RELEASEDIR, ACCESS, DESTROY
            return b""
        if opcode not in NAMES:
            raise OSError(errno.ENOSYS, "not here")
        self.must_fail(NAMES[opcode])
        path = self.paths[node]
        if opcode == 1:
            path = os.path.join(path, body.rstrip(b"\0"))
            attributes = self.attributes(path)
            return ENTRY.pack(self.node(path), 0, 0, 0, 0, 0) + attributes
        if opcode == 3:
            return struct.pack("<QII", 0, 0, 0) + self.attributes(path)
        if opcode == 14:
            return struct.pack("<QII", 0, 1, 0)  # FOPEN_DIRECT_IO
        if opcode == 27:
            return struct.pack("<QII", 0, 0, 0)
        _, offset, size = struct.unpack_from("<QQI", body)
        if opcode == 15:
            with open(path, "rb") as file:
                return os.pread(file.fileno(), size, offset)
        listing = b""
        for number, name in enumerate(sorted(os.listdir(path))):
            if number < offset:
                continue
            s = os.lstat(os.path.join(path, name))
            entry = struct.pack("<QQII", s.st_ino, number + 1, len(name), stat.S_IFMT(s.st_mode) >> 12) + name
            entry += b"\0" * (-len(entry) % 8)
            if len(listing) + len(entry) > size:
                break
            listing += entry
        return listing


def main(folder, at, control, state):
    with open(state, "r+b") as file:
        state = mmap.mmap(file.fileno(), 1)
    device = os.open("/dev/fuse", os.O_RDWR | os.O_NONBLOCK)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    if libc.mount(b"albumen-test", at.encode(), b"fuse", 0, options.encode()) != 0:
        number = ctypes.get_errno()
        sys.exit(f"mount: {os.strerror(number)}")
    files = Folder(folder.encode(), control)
    arrival = select.poll()
    arrival.register(device, select.POLLIN)
    while True:
        state[0] = 0
        arrival.poll()
        state[0] = 1
        try:
            request = os.read(device, 1 << 20)
        except OSError as e:
            if e.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                continue
            return  # Unmounted.
        length, opcode, unique, node = struct.unpack_from("<IIQQ", request)
        if opcode in UNANSWERED:
            continue
        try:
            error, body = 0, files.answer(opcode, node, request[40:length])
        except OSError as e:
            error, body = -e.errno, b""
        try:
            os.write(device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)
        except OSError:
            pass  # The one who asked has gone.
        if opcode == 26:
            print("mounted", flush=True)


main(*sys.argv[1:])
