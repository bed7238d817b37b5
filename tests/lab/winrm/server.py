#!/usr/bin/env python3
"""winrm_lab: an independent WS-Management (WinRS shell) test server for loopback.

It answers the WS-Man shell protocol [MS-WSMV] that `winrs`, pywinrm and pypsrp
speak, with real NTLMv2 / SPNEGO (and, with --keytab, Kerberos) through pyspnego,
message encryption, Basic, client certificates, quotas and fault injection.
Nothing here executes a command: every answer comes from canned/index.json.

See README.md.  Loopback only; refuses to bind anything outside 127.0.0.0/8.
"""
from __future__ import annotations

import argparse
import base64
import collections
import datetime as dt
import hashlib
import ipaddress
import json
import os
import random
import re
import select
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
import traceback
import uuid
import xml.etree.ElementTree as ET
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

import spnego
import spnego.channel_bindings
from spnego import NegotiateOptions
from spnego._ntlm_raw.crypto import ntowfv1
from spnego._ntlm_raw.messages import Authenticate, AvId, AvFlags, NTClientChallengeV2

S = "http://www.w3.org/2003/05/soap-envelope"
A = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
P = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
RSP = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
NS = {"s": S, "a": A, "w": W, "p": P, "rsp": RSP}
ACT = {
    "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create": "Create",
    "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete": "Delete",
    RSP + "/Command": "Command",
    RSP + "/Receive": "Receive",
    RSP + "/Send": "Send",
    RSP + "/Signal": "Signal",
}
CMD_URI = RSP + "/cmd"
ANON = A + "/role/anonymous"
CERT_AUTH = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
SPNEGO_P = "application/HTTP-SPNEGO-session-encrypted"
KRB_P = "application/HTTP-Kerberos-session-encrypted"
FAULT_DETAIL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/"

# name -> (SOAP code, subcode, reason, wsman code, fault detail, message)
FAULTS = {
    # recorded: pypsrp tests/responses/test_winrs_operation_timeout.yml
    "timeout": ("s:Receiver", "w:TimedOut",
                "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  ",
                2150858793, None, None),
    # recorded: test_winrs_bad_cmd_id.yml
    "bad_command": ("s:Sender", "w:InvalidSelectors",
                    "The WS-Management service cannot process the request because the request contained invalid selectors for the resource. ",
                    2150858843, "UnexpectedSelectors",
                    "The Windows Remote Shell received a request to perform an operation on a command identifier that does not exist. "
                    "Either the command has completed execution or the client specified an invalid command identifier. "),
    # recorded: test_psrp_is_alive_invalid_selectors.yml
    "bad_shell": ("s:Sender", "w:InvalidSelectors",
                  "The WS-Management service cannot process the request because the request contained invalid selectors for the resource. ",
                  2150858843, "UnexpectedSelectors",
                  "The request for the Windows Remote Shell with ShellId {shell} failed because the shell was not found on the server. "
                  "Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the server. "
                  "Provide the correct ShellId or create a new shell and retry the operation. "),
    # reported: hashicorp/vagrant#7489
    "quota_shells": ("s:Receiver", "w:QuotaLimit", "The service has reached its quota limit.",
                     2150859173, None,
                     "The WS-Management service cannot process the request. This user is allowed a maximum number of {n} concurrent shells, "
                     "which has been exceeded. Close existing shells or raise the quota for this user. "),
    # reported: dmitry-zaets/vagrantfile-windows-iis-mssql#7, masterzen/winrm#129
    "quota_ops": ("s:Receiver", "w:QuotaLimit", "The service has reached its quota limit.",
                  2150859174, None,
                  "The WS-Management service cannot process the request. This user is allowed a maximum number of {n} concurrent operations, "
                  "which has been exceeded. Close existing operations for this user, or raise the quota for this user. "),
    "access_denied": ("s:Sender", "w:AccessDenied", "Access is denied. ", 5, None, None),
    "aborted": ("s:Receiver", "w:InternalError",
                "The I/O operation has been aborted because of either a thread exit or an application request. ", 995, None, None),
    # from memory: CreateProcess fails where no cmd.exe is in between
    "not_found": ("s:Receiver", "w:InternalError", "The system cannot find the file specified. ", 2147942402, None, None),
    "internal": ("s:Receiver", "w:InternalError", "An internal error occurred. ", 1359, None, None),
    # recorded: test_psrp_is_alive_other_wsman_error.yml
    "bad_header": ("s:Sender", "a:InvalidMessageInformationHeader",
                   "The WS-Management service cannot process the request. The request contains one or more invalid SOAP headers. ",
                   2150858767, None, "The WS-Management service cannot process the request. {why} "),
    "bad_action": ("s:Sender", "a:ActionNotSupported",
                   "The WS-Management service cannot process the request because the action is not supported. ", 2150858752, None, None),
    "bad_uri": ("s:Sender", "a:DestinationUnreachable",
                "The WS-Management service cannot process the request. The resource URI does not support this operation. ",
                2150858778, "InvalidResourceURI", None),
    "bad_xml": ("s:Sender", None, "The WS-Management service cannot process a SOAP packet that contains invalid XML. ", 2150858770, None, None),
}


def readable(sock, secs):
    """Whether bytes or the end wait on a socket; select() takes no descriptor above 1,023."""
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(secs * 1000))


def now_iso():
    return dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds")


class SoapFault(Exception):
    def __init__(self, name, **kw):
        self.name, self.kw = name, kw
        super().__init__(name)


class DropConnection(Exception):
    pass


# --------------------------------------------------------------------------- canned commands
class Canned:
    def __init__(self, root):
        self.root = root
        with open(os.path.join(root, "index.json"), encoding="utf-8") as f:
            self.entries = json.load(f)

    def text(self, name):
        with open(os.path.join(self.root, name), encoding="utf-8", newline="") as f:
            t = f.read()
        return t.replace("\r\n", "\n").replace("\n", "\r\n")

    @staticmethod
    def decode_ps(line):
        """powershell ... -EncodedCommand <b64 of UTF-16LE> -> script text, else None."""
        m = re.match(r"(?i)^\"?(?:\S*\\)?(?:powershell|pwsh)(?:\.exe)?\"?\s+(.*)$", line, re.S)
        if not m:
            return None
        e = re.search(r"(?i)(?:^|\s)[-/]e(?:c|nc|ncodedcommand)?\s+\"?([A-Za-z0-9+/=]+)\"?", m.group(1))
        if e:
            try:
                return base64.b64decode(e.group(1), validate=True).decode("utf-16-le")
            except Exception:
                return None
        c = re.search(r"(?is)(?:^|\s)[-/]c(?:ommand)?\s+(.*)$", m.group(1))
        return c.group(1).strip().strip('"') if c else m.group(1)

    def lookup(self, line, user, own=()):
        """-> (entry dict, ps script or None, codepage override or None). own: the host's answers, tried first"""
        cp = None
        line = line.strip()
        while True:
            m = re.match(r"(?i)^\"?(?:\S*\\)?cmd(?:\.exe)?\"?\s+(?:/[dsqua]\s+)*/c\s+(.*)$", line, re.S)
            if m:
                line = m.group(1).strip().strip('"')
                continue
            m = re.match(r"(?i)^chcp(?:\.com)?\s+(\d+)\s*(?:>\s*nul)?\s*&&?\s*(.*)$", line, re.S)
            if m:
                cp, line = int(m.group(1)), m.group(2).strip()
                continue
            break
        script = self.decode_ps(line)
        norm = re.sub(r"\s+", " ", line)
        # a program by its whole path is the same program, where Windows has it
        m = re.match(r"^\"?([A-Za-z]:\\(?:[^\\ \"]+\\)*)([^\\ \"]+)", norm)
        if m:
            name = m.group(2).lower()
            folder = "c:\\windows\\system32\\" + {"wmic.exe": "wbem\\", "powershell.exe": "windowspowershell\\v1.0\\"}.get(name, "")
            if m.group(1).lower() == folder or name.startswith("lab-"):
                norm = norm[m.start(2):]
        for e in list(own) + self.entries:
            if "match_ps" in e:
                if script is None or not re.search(e["match_ps"], script, re.I | re.S):
                    continue
                m = None
            else:
                m = re.search(e["match"], norm, re.I)
                if not m:
                    continue
            if e.get("admin_only") and not user.get("admin"):
                e = dict(e, **e.get("non_admin", {"stdout_text": "The requested operation requires elevation.\r\n", "exit": 1}))
                e.pop("stdout", None) if "stdout_text" in e else None
            if m and m.groups():
                e = dict(e, _groups=m.groups())
            return e, script, cp
        if script is not None:
            return {"stderr_clixml_error": f"lab: no canned answer for script: {script[:200]}", "exit": 1}, script, cp
        prog = norm.split(" ")[0]
        return {"unknown": True, "stderr_text": f"'{prog}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n",
                "exit": 1}, script, cp


CLIXML_PROGRESS = ('#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
                   '<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN>'
                   '<MS><I64 N="SourceId">1</I64><PR N="Record"><AV>Preparing modules for first use.</AV><AI>0</AI><Nil /><PI>-1</PI><PC>-1</PC>'
                   '<T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj></Objs>')


def clixml_error(msg):
    lines = "".join(f'<S S="Error">{escape(l)}_x000D__x000A_</S>' for l in msg.splitlines())
    return f'#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">{lines}</Objs>'


def encode_out(text, enc):
    if enc in ("utf-16", "utf-16-bom"):
        return b"\xff\xfe" + text.encode("utf-16-le")
    if enc == "utf-16le":
        return text.encode("utf-16-le")
    if enc == "utf-16be":
        return text.encode("utf-16-be")
    if enc == "utf-16be-bom":
        return b"\xfe\xff" + text.encode("utf-16-be")
    if enc == "utf-8-sig":
        return b"\xef\xbb\xbf" + text.encode()
    return text.encode(enc, "replace")


def codepage_name(cp):
    return "utf-8" if cp == 65001 else "utf-16-le" if cp == 1200 else f"cp{cp}"


def gen_netstat(rows, seed=7):
    r = random.Random(seed)
    out = ["", "Active Connections", "", "  Proto  Local Address          Foreign Address        State           PID"]
    st = ["ESTABLISHED", "TIME_WAIT", "CLOSE_WAIT", "SYN_SENT", "LISTENING"]
    for i in range(rows):
        s = st[i % 5]
        la = f"10.20.{r.randrange(256)}.{r.randrange(1, 255)}:{r.randrange(1024, 65535)}"
        fa = "0.0.0.0:0" if s == "LISTENING" else f"203.0.113.{r.randrange(1, 255)}:{r.randrange(1, 65535)}"
        out.append(f"  TCP    {la:<22} {fa:<22} {s:<15} {r.randrange(4, 40000)}")
    return "\r\n".join(out) + "\r\n"


class Command:
    def __init__(self, cid, line, entry, script, enc, lab):
        self.id, self.line, self.script = cid, line, script
        self.cond = threading.Condition()
        self.queue = collections.deque()      # (stream, bytes)
        self.done = False
        self.exit_code = None
        self.killed = None
        self.end_sent = False
        self.started = time.time()
        self.first_receive = True
        self.entry = entry
        self.sent = {"stdout": bytearray(), "stderr": bytearray()}  # as it left
        t = threading.Thread(target=self._produce, args=(entry, enc, lab), daemon=True)
        t.start()

    def _put(self, stream, data):
        with self.cond:
            self.queue.append((stream, data))
            self.cond.notify_all()

    def _sleep(self, secs):
        end = time.time() + secs
        while time.time() < end and not self.killed:
            time.sleep(min(0.05, max(0.0, end - time.time())))
        return not self.killed

    def _produce(self, e, enc, lab):
        try:
            if e.get("delay") and not self._sleep(float(e["delay"])):
                return
            g = e.get("_groups") or ()
            if "generate_rows" in e:
                rows = e["generate_rows"]
                text = gen_netstat(int(g[0]) if rows == "$1" else int(rows))
            elif "stdout_text" in e:
                text = e["stdout_text"]
            elif "stdout" in e:
                text = lab.canned.text(e["stdout"])
            else:
                text = ""
            out = encode_out(text, e.get("encoding", enc))
            if "raw_hex" in e:
                out = bytes.fromhex(e["raw_hex"])
            err = b""
            if "stderr_text" in e:
                err = encode_out(e["stderr_text"], e.get("encoding", enc))
            if "stderr_clixml_error" in e:
                err = clixml_error(e["stderr_clixml_error"]).encode()
            if e.get("stderr_progress"):
                err = CLIXML_PROGRESS.encode() + err
            elif self.script is not None and "ProgressPreference" not in self.script and e.get("progress", True):
                err = CLIXML_PROGRESS.encode() + err
            drip = e.get("drip_bps")
            if drip:
                step = max(1, int(drip) // 4)
                for i in range(0, len(out), step):
                    self._put("stdout", out[i:i + step])
                    if not self._sleep(0.25):
                        return
            else:
                # odd sizes on purpose: they cut UTF-8 and UTF-16 characters in two
                size = int(e.get("chunk", 3583))
                for i in range(0, len(out), size):
                    if self.killed:
                        return
                    self._put("stdout", out[i:i + size])
            if err:
                if e.get("split_clixml"):      # marker alone, then the document cut mid-tag
                    m = err.find(b"\r\n") + 2
                    self._put("stderr", err[:m])
                    h = m + (len(err) - m) // 2
                    self._put("stderr", err[m:h])
                    self._put("stderr", err[h:])
                else:
                    self._put("stderr", err)
            if e.get("never_done"):
                return
            if e.get("delay_exit") and not self._sleep(float(e["delay_exit"])):
                return
            with self.cond:
                self.done, self.exit_code = True, int(e.get("exit", 0))
                self.cond.notify_all()
        except Exception:
            traceback.print_exc()
            with self.cond:
                self.done, self.exit_code = True, 255
                self.cond.notify_all()

    def kill(self, how):
        with self.cond:
            self.killed = how
            if how == "ctrl_c" and not self.done:
                self.done, self.exit_code = True, -1073741510  # STATUS_CONTROL_C_EXIT
            self.cond.notify_all()


class Shell:
    def __init__(self, sid, owner, cp, lab):
        self.id, self.owner, self.codepage, self.lab = sid, owner, cp, lab
        self.commands = {}
        self.ops = 0
        self.deleted = threading.Event()
        self.created = time.time()
        self.idle_timeout = "PT7200.000S"


class Host:
    """One simulated Windows machine (one loopback address)."""

    def __init__(self, addr):
        self.addr = addr
        self.lock = threading.Lock()
        self.shells = {}
        self.ran = collections.deque(maxlen=64)  # the last commands, with what was sent of them
        self.c = collections.Counter()


# --------------------------------------------------------------------------- lab
class Lab:
    def __init__(self, a):
        self.a = a
        self.canned = Canned(a.canned)
        self.hosts = {}
        self.faults = []
        self.answers = []
        self.flock = threading.Lock()
        self.log_lock = threading.Lock()
        self.log = collections.deque(maxlen=20000)
        self.logf = open(a.log, "a", encoding="utf-8") if a.log else None
        self.users = {}
        for u in a.users_list:
            self.users[u["user"].lower()] = u
        self.conn_now = 0
        self.conn_peak = 0
        self.conns = {}
        self.started = time.time()

    def host(self, addr):
        with self.flock:
            return self.hosts.setdefault(addr, Host(addr))

    def event(self, **kw):
        kw = {"t": now_iso(), **kw}
        with self.log_lock:
            self.log.append(kw)
            if self.logf:
                self.logf.write(json.dumps(kw, ensure_ascii=False) + "\n")
                self.logf.flush()
        if self.a.verbose:
            print(json.dumps(kw, ensure_ascii=False), file=sys.stderr, flush=True)

    def set_faults(self, rules):
        with self.flock:
            self.faults = [dict(r, _hits=0, _fired=0) for r in rules]

    def answers_of(self, host):
        """What this host answers in another way than canned/index.json says."""
        return [e for e in self.answers if e.get("host", "*") in ("*", host)]

    def sent(self, host):
        h = self.hosts.get(host)
        b64 = lambda b: base64.b64encode(b).decode()
        return [{"line": c.line, "stdout": b64(c.sent["stdout"]), "stderr": b64(c.sent["stderr"])}
                for c in list(h.ran if h else ())]

    def fault_for(self, host, action, line=None):
        with self.flock:
            for r in self.faults:
                if r.get("host", "*") not in ("*", host):
                    continue
                if r.get("action", "*") not in ("*", action):
                    continue
                if r.get("command"):
                    if not line or not re.search(r["command"], line, re.I):
                        continue
                r["_hits"] += 1
                if r.get("nth") and r["_hits"] != r["nth"]:
                    continue
                if r.get("after") and r["_hits"] <= r["after"]:
                    continue
                if r.get("times") is not None and r["_fired"] >= r["times"]:
                    continue
                if r.get("probability") is not None and random.random() > r["probability"]:
                    continue
                r["_fired"] += 1
                return r
        return None

    def find_user(self, name):
        name = (name or "").lower()
        if "\\" in name:
            name = name.split("\\", 1)[1]
        return self.users.get(name) or self.users.get(name.split("@")[0])

    def state(self):
        out = {"uptime_s": round(time.time() - self.started, 3), "connections_now": self.conn_now, "connections_peak": self.conn_peak,
               "faults": [{k: v for k, v in r.items()} for r in self.faults], "hosts": {}}
        tot = collections.Counter()
        for h in list(self.hosts.values()):
            with h.lock:
                sh = [{"id": s.id, "owner": s.owner, "age_s": round(time.time() - s.created, 1), "ops": s.ops,
                       "commands": [{"id": c.id, "line": c.line[:200], "done": c.done, "killed": c.killed} for c in s.commands.values()]}
                      for s in h.shells.values()]
                out["hosts"][h.addr] = {"open_shells": sh, "counters": dict(h.c)}
                tot.update(h.c)
                tot["open_shells"] += len(sh)
        out["totals"] = dict(tot)
        return out


# --------------------------------------------------------------------------- one TCP connection
class Conn(threading.Thread):
    def __init__(self, lab, sock, peer, local, tls):
        super().__init__(daemon=True)
        self.lab, self.sock, self.peer, self.local, self.tls = lab, sock, peer, local, tls
        self.h = lab.host(local[0])
        self.buf = b""
        self.ctx = None
        self.user = None
        self.auth_via = None
        self.auth_hdr = None          # 'Negotiate' | 'Kerberos'
        self.client_cert = None
        self.last_sealed = None
        self.cid = uuid.uuid4().hex[:8]
        self.nreq = 0

    def ev(self, **kw):
        self.lab.event(conn=self.cid, host=self.local[0], tls=self.tls, **kw)

    # ---- http
    def recv_more(self):
        d = self.sock.recv(65536)
        if not d:
            raise EOFError
        self.buf += d

    def read_request(self):
        while b"\r\n\r\n" not in self.buf:
            if len(self.buf) > 65536:
                raise ValueError("headers too big")
            self.recv_more()
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        hd = collections.defaultdict(str)
        for l in lines[1:]:
            k, _, v = l.partition(":")
            hd[k.strip().lower()] = v.strip()
        if hd["expect"].lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if hd["transfer-encoding"].lower() == "chunked":
            body = b""
            while True:
                while b"\r\n" not in self.buf:
                    self.recv_more()
                ln, self.buf = self.buf.split(b"\r\n", 1)
                n = int(ln.split(b";")[0], 16)
                while len(self.buf) < n + 2:
                    self.recv_more()
                body += self.buf[:n]
                self.buf = self.buf[n + 2:]
                if n == 0:
                    break
        else:
            n = int(hd["content-length"] or 0)
            while len(self.buf) < n:
                self.recv_more()
            body, self.buf = self.buf[:n], self.buf[n:]
        return method, target, hd, body

    def reply(self, status, body=b"", ctype=None, extra=(), close=False, mode=None):
        # http.sys answers with an empty reason phrase
        h = [f"HTTP/1.1 {status} "]
        if ctype:
            h.append(f"Content-Type: {ctype}")
        h.append("Server: Microsoft-HTTPAPI/2.0")
        for k, v in extra:
            h.append(f"{k}: {v}")
        h.append("Date: " + dt.datetime.now(dt.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT"))
        if close:
            h.append("Connection: close")
        h.append(f"Content-Length: {len(body)}")
        raw = ("\r\n".join(h) + "\r\n\r\n").encode("latin-1") + body
        if mode == "drop_mid":
            self.sock.sendall(raw[: len(raw) - max(1, len(body) // 2)])
            raise DropConnection("drop_mid")
        if mode == "slow":
            for i in range(0, len(raw), 64):
                self.sock.sendall(raw[i:i + 64])
                time.sleep(0.05)
        else:
            self.sock.sendall(raw)
        if close:
            raise EOFError

    def unauthorized(self, token=None):
        a = self.lab.a.auth_list
        extra = []
        if token is not None:
            extra.append(("WWW-Authenticate", f"{self.auth_hdr} {base64.b64encode(token).decode()}"))
        else:
            if "negotiate" in a:
                extra.append(("WWW-Authenticate", "Negotiate"))
            if "kerberos" in a:
                extra.append(("WWW-Authenticate", "Kerberos"))
            if "basic" in a and (self.tls or self.lab.a.allow_unencrypted):
                extra.append(("WWW-Authenticate", 'Basic realm="WSMAN"'))
        self.h.c["http_401"] += 1
        self.reply(401, extra=extra)

    # ---- auth
    def bindings(self):
        if not self.tls or self.lab.a.cbt == "none":
            return None
        if self.lab.a.relay:                  # the client's certificate is not the one that this service has
            return spnego.channel_bindings.GssChannelBindings(application_data=b"tls-server-end-point:" + bytes(32))
        return spnego.channel_bindings.GssChannelBindings(
            application_data=b"tls-server-end-point:" + self.lab.a.cert_hash)

    def inspect_type3(self, token):
        i = token.find(b"NTLMSSP\x00\x03\x00\x00\x00")
        if i < 0:
            return {}
        try:
            m = Authenticate.unpack(token[i:])
            nt = m.nt_challenge_response or b""
            info = {"ntlm_user": m.user_name, "ntlm_domain": m.domain_name, "ntlm_workstation": m.workstation,
                    "ntlmv2": len(nt) > 24, "spnego_wrapped": i != 0}
            if len(nt) > 24:
                av = NTClientChallengeV2.unpack(nt[16:]).av_pairs
                info["spn"] = av.get(AvId.target_name)
                cb = av.get(AvId.channel_bindings)
                info["cbt"] = "absent" if cb is None else "zero" if cb == b"\x00" * 16 else "present"
                info["mic"] = bool(av.get(AvId.flags, 0) & AvFlags.mic)
            return info
        except Exception as e:
            return {"type3_parse_error": repr(e)}

    def negotiate(self, scheme, token):
        """One Negotiate/Kerberos leg. Returns True when it has answered the HTTP request itself."""
        a = self.lab.a
        self.auth_hdr = scheme
        fresh = b"NTLMSSP\x00\x01" in token or (self.ctx is None) or self.ctx.complete
        if fresh:
            self.user = None
            opts = NegotiateOptions.none
            if token.startswith(b"NTLMSSP\x00"):
                proto, opts, self.auth_via = "ntlm", NegotiateOptions.use_ntlm, "ntlm-raw"
            elif b"NTLMSSP\x00" in token:
                proto, opts, self.auth_via = "negotiate", NegotiateOptions.use_negotiate | NegotiateOptions.use_ntlm, "ntlm-spnego"
            elif a.keytab:
                proto, self.auth_via = ("kerberos" if scheme == "Kerberos" else "negotiate"), "kerberos"
            else:
                self.auth_via = "spnego"
                proto, opts = "negotiate", NegotiateOptions.use_negotiate | NegotiateOptions.use_ntlm
            kw = {}
            if a.keytab and self.auth_via == "kerberos":
                kw = {"hostname": a.krb_host, "service": a.krb_service}
            self.ctx = spnego.server(protocol=proto, options=opts, channel_bindings=self.bindings(), **kw)
        info = self.inspect_type3(token)
        rule = self.lab.fault_for(self.local[0], "Auth") or {}
        if rule and rule.get("do") not in ("no_token", "bad_token"):
            self.ctx = None
            self.h.c["auth_fail"] += 1
            self.ev(ev="auth", ok=False, via=self.auth_via, why="injected", **info)
            self.unauthorized()
            return True
        try:
            if info and self.tls and a.cbt == "strict" and info.get("cbt") != "present":
                raise ValueError(f"CbtHardeningLevel=Strict and CBT is {info.get('cbt')}")
            out = self.ctx.step(token)
            # GSS_C_CHANNEL_BOUND_FLAG: the client's bindings were there, and ours
            if (self.tls and a.cbt == "strict" and self.auth_via == "kerberos" and self.ctx.complete
                    and not getattr(self.ctx, "_context_attr", 0) & 0x800):
                raise ValueError("CbtHardeningLevel=Strict and the ticket is not bound to the channel")
        except Exception as e:
            self.ctx = None
            self.h.c["auth_fail"] += 1
            self.ev(ev="auth", ok=False, via=self.auth_via, why=f"{type(e).__name__}: {e}"[:300], **info)
            self.unauthorized()
            return True
        if not self.ctx.complete:
            self.h.c["auth_legs"] += 1
            self.unauthorized(out or b"")
            return True
        name = self.ctx.client_principal or info.get("ntlm_user") or ""
        u = self.lab.find_user(name if name and "\\" in name or "@" in name else info.get("ntlm_user") or name)
        if u is None:
            self.ctx = None
            self.h.c["auth_fail"] += 1
            self.ev(ev="auth", ok=False, via=self.auth_via, why=f"no lab user for {name!r}", **info)
            self.unauthorized()
            return True
        self.user = u
        self.h.c["auth_ok"] += 1
        self.h.c["auth_ok_" + self.auth_via] += 1
        self.ev(ev="auth", ok=True, via=self.auth_via, user=u["user"], principal=str(name), **info)
        self.final_token = out
        if rule.get("do") == "no_token":
            self.final_token = None
        if rule.get("do") == "bad_token" and out:
            bad = bytearray(out)
            if "seed" in rule:
                r = random.Random(rule["seed"])
                for _ in range(r.choice((1, 2, 8))):
                    bad[r.randrange(len(bad))] = r.randrange(256)
                if r.random() < 0.3:
                    bad = bad[:r.randrange(1, len(bad))]
            else:
                bad[-1] ^= 0x55
            self.final_token = bytes(bad)
        return False

    def authenticate(self, hd):
        """True = answered already (401 etc). Sets self.user on success."""
        a = self.lab.a
        self.final_token = None
        z = hd["authorization"]
        if not z:
            if self.user is None:
                self.unauthorized()
                return True
            if self.auth_via in ("basic", "certificate"):   # per-request schemes
                self.user = None
                self.unauthorized()
                return True
            return False
        scheme, _, rest = z.partition(" ")
        sl = scheme.lower()
        if sl == "basic":
            if "basic" not in a.auth_list or not (self.tls or a.allow_unencrypted):
                self.unauthorized()
                return True
            try:
                raw = base64.b64decode(rest)
                try:
                    name, _, pw = raw.decode("utf-8").partition(":")
                except UnicodeDecodeError:        # requests sends latin-1
                    name, _, pw = raw.decode("latin-1").partition(":")
            except Exception:
                name, pw = "", ""
            u = self.lab.find_user(name)
            if self.lab.fault_for(self.local[0], "Auth") is not None or not u or u["password"] != pw:
                self.h.c["auth_fail"] += 1
                self.ev(ev="auth", ok=False, via="basic", user=name)
                self.unauthorized()
                return True
            if self.auth_via != "basic":
                self.h.c["auth_ok"] += 1
                self.h.c["auth_ok_basic"] += 1
                self.ev(ev="auth", ok=True, via="basic", user=name)
            self.user, self.auth_via, self.ctx = u, "basic", None
            return False
        if z == CERT_AUTH:
            u = None
            if self.tls and "certificate" in a.auth_list and self.client_cert:
                cn = dict(x[0] for x in self.client_cert.get("subject", ())).get("commonName", "")
                u = self.lab.find_user(cn)
            if not u:
                self.h.c["auth_fail"] += 1
                self.ev(ev="auth", ok=False, via="certificate", cert=bool(self.client_cert))
                self.unauthorized()
                return True
            if self.auth_via != "certificate":
                self.h.c["auth_ok"] += 1
                self.h.c["auth_ok_certificate"] += 1
                self.ev(ev="auth", ok=True, via="certificate", user=u["user"])
            self.user, self.auth_via, self.ctx = u, "certificate", None
            return False
        if sl in ("negotiate", "kerberos") and sl in a.auth_list:
            try:
                tok = base64.b64decode(rest, validate=True)
            except Exception:
                self.reply(400)
                return True
            return self.negotiate("Negotiate" if sl == "negotiate" else "Kerberos", tok)
        self.unauthorized()
        return True

    # ---- message encryption
    def unwrap(self, ctype, body):
        m = re.search(r'protocol="([^"]+)"', ctype)
        b = re.search(r'boundary="?([^";]+)"?', ctype)
        want = KRB_P if self.auth_hdr == "Kerberos" else SPNEGO_P
        if not m or not b or m.group(1) != want or b.group(1) != "Encrypted Boundary":
            raise ValueError(f"bad multipart header {ctype!r}")
        bd = b"--Encrypted Boundary"
        pat = re.compile(rb"^--Encrypted Boundary\r\n\t?Content-Type: ([^\r\n]+)\r\n\t?OriginalContent: type=application/soap\+xml;charset=UTF-8;Length=(\d+)\r\n"
                         rb"--Encrypted Boundary\r\n\t?Content-Type: application/octet-stream\r\n", re.S)
        h = pat.match(body)
        if not h or h.group(1).decode() != want:
            raise ValueError("malformed multipart/encrypted part headers")
        tail = bd + b"--\r\n"
        if not body.endswith(tail):
            raise ValueError("missing closing boundary")
        pay = body[h.end():-len(tail)]
        n = struct.unpack("<I", pay[:4])[0]
        if n > len(pay) - 4:
            raise ValueError("signature length out of range")
        sig, enc = pay[4:4 + n], pay[4 + n:]
        if self.auth_via != "kerberos" and len(enc) != int(h.group(2)):
            raise ValueError(f"sealed payload is {len(enc)} bytes, OriginalContent Length={h.group(2).decode()}")
        return self.ctx.unwrap_winrm(sig, enc)

    def wrap(self, data, corrupt=False):
        want = KRB_P if self.auth_hdr == "Kerberos" else SPNEGO_P
        w = self.ctx.wrap_winrm(data)
        enc = bytearray(w.data)
        if corrupt and enc:
            enc[len(enc) // 2] ^= 0x55
        body = (f"--Encrypted Boundary\r\n\tContent-Type: {want}\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;"
                f"Length={len(data) + w.padding_length}\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n").encode()
        body += struct.pack("<I", len(w.header)) + w.header + bytes(enc) + b"--Encrypted Boundary--\r\n"
        return f'multipart/encrypted;protocol="{want}";boundary="Encrypted Boundary"', body

    @staticmethod
    def mutated(body, r):
        mark = b"application/octet-stream\r\n"
        tail = b"--Encrypted Boundary--\r\n"
        at = body.index(mark) + len(mark)
        head, pay = body[:at], bytearray(body[at:-len(tail)])
        for _ in range(r.choice((1, 1, 1, 2, 8))):
            # mostly the head of the token, where its form is told
            i = r.randrange(min(len(pay), 40)) if r.random() < 0.8 else r.randrange(len(pay))
            pay[i] = r.randrange(256)
        if r.random() < 0.4:
            pay = pay[:r.randrange(len(pay))]
        return head + bytes(pay) + tail

    def soap_reply(self, status, xml, encrypted, fault=None):
        data = xml.encode("utf-8")
        do = (fault or {}).get("do")
        if do == "garbage":
            data = b"<html><body>proxy error</body></html>"
        if do == "bad_xml":
            data = data[: len(data) // 2]
        if do == "edit":
            data = data.replace(fault["find"].encode(), fault["put"].encode() * fault.get("count", 1))
            for find, put in fault.get("also", ()):
                data = data.replace(find.encode(), put.encode())
        if encrypted and do == "replay" and self.last_sealed:
            ct, body = self.last_sealed
        elif encrypted and do != "plaintext_reply":
            ct, body = self.wrap(data, corrupt=(do == "bad_mac"))
            self.last_sealed = ct, body
            if do == "mutate":                # any byte of length, signature and sealed bytes; or the end is missing
                body = self.mutated(body, random.Random(fault.get("seed", 0)))
        else:
            ct, body = "application/soap+xml;charset=UTF-8", data
        extra = []
        if self.final_token:
            extra.append(("WWW-Authenticate", f"{self.auth_hdr} {base64.b64encode(self.final_token).decode()}"))
        self.reply(status, body, ct, extra=extra, close=(do == "close_after"), mode=do if do in ("drop_mid", "slow") else None)

    # ---- envelopes
    def env(self, action, relates, body):
        return (f'<s:Envelope xml:lang="en-US" xmlns:s="{S}" xmlns:a="{A}" xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer" '
                f'xmlns:w="{W}" xmlns:rsp="{RSP}" xmlns:p="{P}"><s:Header><a:Action>{action}</a:Action>'
                f'<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID><a:To>{ANON}</a:To>'
                f'<a:RelatesTo>{escape(relates)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>')

    def fault_env(self, f: SoapFault, relates):
        code, sub, reason, num, detail, msg = FAULTS[f.name]
        kw = collections.defaultdict(str, f.kw)
        msg = (msg or reason).format_map(kw)
        subx = f"<s:Subcode><s:Value>{sub}</s:Value></s:Subcode>" if sub else ""
        det = f"<w:FaultDetail>{FAULT_DETAIL}{detail}</w:FaultDetail>" if detail else ""
        body = (f'<s:Fault><s:Code><s:Value>{code}</s:Value>{subx}</s:Code><s:Reason><s:Text xml:lang="en-US">{escape(reason)}</s:Text></s:Reason>'
                f'<s:Detail>{det}<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{num}" Machine="{self.local[0]}">'
                f'<f:Message>{escape(msg)}</f:Message></f:WSManFault></s:Detail></s:Fault>')
        return self.env("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", relates, body)

    # ---- request
    def serve_one(self):
        method, target, hd, body = self.read_request()
        self.nreq += 1
        self.h.c["http_requests"] += 1
        if method != "POST":
            return self.reply(405)
        if target.split("?")[0] != "/wsman":
            return self.reply(404)
        if self.authenticate(hd):
            return
        if not body:                          # the empty POST that carried the last auth leg
            extra = []
            if self.final_token:
                extra.append(("WWW-Authenticate", f"{self.auth_hdr} {base64.b64encode(self.final_token).decode()}"))
            return self.reply(200, extra=extra)
        ct = hd["content-type"]
        if len(body) > self.lab.a.max_envelope_kb * 1024:
            self.h.c["envelope_too_big"] += 1
            return self.reply(413, close=True)
        encrypted = ct.lower().startswith("multipart/encrypted")
        if encrypted:
            if self.ctx is None or not self.ctx.complete:
                return self.unauthorized()
            try:
                body = self.unwrap(ct, body)
            except Exception as e:
                self.h.c["decrypt_fail"] += 1
                self.ev(ev="decrypt_fail", why=f"{type(e).__name__}: {e}"[:300])
                return self.reply(400, close=True)
            self.h.c["soap_encrypted"] += 1
        else:
            self.h.c["soap_plain_tls" if self.tls else "soap_plain_http"] += 1
            if not self.tls and not self.lab.a.allow_unencrypted:
                self.h.c["plaintext_rejected"] += 1
                self.ev(ev="plaintext_rejected", head=body[:80].decode("latin-1"))
                return self.reply(500)        # Windows: empty 500 when AllowUnencrypted=false
        self.dispatch(body, encrypted, ct)

    def txt(self, root, path):
        e = root.find(path, NS)
        return (e.text or "").strip() if e is not None else None

    def dispatch(self, body, encrypted, ct):
        relates, action = "", "?"
        try:
            try:
                root = ET.fromstring(body)
            except ET.ParseError:
                raise SoapFault("bad_xml")
            relates = self.txt(root, "s:Header/a:MessageID") or ""
            auri = self.txt(root, "s:Header/a:Action") or ""
            action = ACT.get(auri, "?")
            issues = self.conformance(root, action, ct, encrypted)
            for i in issues:
                self.h.c["conformance_issues"] += 1
                self.ev(ev="conformance", action=action, issue=i)
            if action == "?":
                raise SoapFault("bad_action")
            if not relates:
                raise SoapFault("bad_header", why="MessageID is missing.")
            ot = self.txt(root, "s:Header/w:OperationTimeout")
            secs = 60.0
            if ot:
                m = re.match(r"^P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$", ot)
                if not m:
                    raise SoapFault("bad_header", why=f"The XML contains an invalid timeout field in the SOAP header: {ot}.")
                d, hh, mm, ss = (float(x or 0) for x in m.groups())
                secs = d * 86400 + hh * 3600 + mm * 60 + ss
            maxenv = int(self.txt(root, "s:Header/w:MaxEnvelopeSize") or 153600)
            uri = self.txt(root, "s:Header/w:ResourceURI")
            if uri != CMD_URI:
                raise SoapFault("bad_uri")
            sid = None
            for s in root.findall("s:Header/w:SelectorSet/w:Selector", NS):
                if s.get("Name") == "ShellId":
                    sid = (s.text or "").strip().upper()
            opts = {o.get("Name"): (o.text or "") for o in root.findall("s:Header/w:OptionSet/w:Option", NS)}
            line = self.command_line(root) if action == "Command" else None
            if action in ("Receive", "Signal", "Send"):
                c = self.find_command(root, sid, action)
                line = c.line if c else None
            self.h.c["op_" + action] += 1
            fault = self.lab.fault_for(self.local[0], action, line)
            self.ev(ev="op", action=action, shell=sid, user=self.user["user"], enc=encrypted, via=self.auth_via,
                    line=line, inject=(fault or {}).get("do"), **({"soap": body.decode("utf-8", "replace")} if self.lab.a.log_soap else {}))
            if fault:
                r = self.inject(fault, secs)
                if r == "done":
                    return
            h = getattr(self, "do_" + action)
            xml = h(root, sid, opts, secs, maxenv)
            if fault and fault["do"] == "fault_after":   # the thing was done, and the answer says otherwise
                raise SoapFault(fault.get("name", "timeout"))
            if fault and fault["do"] == "hang_after":
                self.inject({"do": "hang", **{k: v for k, v in fault.items() if k == "secs"}}, secs)
            if fault and fault["do"] == "answer_of":
                auri = auri.rsplit("/", 1)[0] + "/" + fault["action_name"]
            return self.soap_reply(200, self.env(auri + "Response", relates, xml), encrypted, fault)
        except SoapFault as f:
            self.h.c["fault_" + f.name] += 1
            self.ev(ev="fault", action=action, name=f.name)
            return self.soap_reply(500, self.fault_env(f, relates), encrypted)

    def conformance(self, root, action, ct, encrypted):
        """Things real WinRM tolerates or not, that a careful client gets right."""
        out = []
        hdr = root.find("s:Header", NS)
        if hdr is None:
            return ["no s:Header"]
        mid = self.txt(root, "s:Header/a:MessageID") or ""
        if not re.match(r"^uuid:[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$", mid):
            out.append(f"MessageID not uuid:GUID: {mid[:60]}")
        for tag, ns in (("To", "a"), ("Action", "a"), ("ResourceURI", "w"), ("MaxEnvelopeSize", "w"), ("OperationTimeout", "w")):
            if hdr.find(f"{ns}:{tag}", NS) is None:
                out.append(f"missing {ns}:{tag}")
        if self.txt(root, "s:Header/a:ReplyTo/a:Address") != ANON:
            out.append("ReplyTo is not anonymous")
        if not encrypted and not ct.lower().replace(" ", "").startswith("application/soap+xml;charset=utf-8"):
            out.append(f"content-type {ct[:60]}")
        if action in ("Command", "Receive", "Signal", "Delete", "Send") and not hdr.findall("w:SelectorSet/w:Selector", NS):
            out.append("no ShellId selector")
        return out

    def inject(self, f, op_secs):
        do = f["do"]
        self.h.c["injected_" + do] += 1
        if do == "hang":
            end = time.time() + float(f.get("secs", 3600))
            while time.time() < end:
                r = readable(self.sock, 0.2)
                if r:
                    try:
                        d = self.sock.recv(65536) if not isinstance(self.sock, ssl.SSLSocket) else self.sock.recv(65536)
                    except OSError:
                        d = b""
                    if not d:
                        self.ev(ev="client_gave_up", during="hang")
                        raise EOFError
                    self.buf += d
            raise DropConnection("hang over")
        if do == "drop":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST
            raise DropConnection("drop")
        if do == "http_status":
            self.reply(int(f.get("status", 500)), f.get("body", "").encode(), f.get("ctype"))
            return "done"
        if do == "fault":
            raise SoapFault(f.get("name", "internal"), n=f.get("n", 30), shell="?")
        if do == "delay":
            time.sleep(float(f.get("secs", 1)))
        if do == "kill_shells":
            with self.h.lock:
                gone, self.h.shells = self.h.shells, {}
            for shell in gone.values():
                shell.deleted.set()
                for c in shell.commands.values():
                    c.kill("terminate")
        if do == "expire_auth":
            self.user, self.ctx = None, None
            self.unauthorized()
            return "done"
        return None

    # ---- operations
    def get_shell(self, sid):
        with self.h.lock:
            s = self.h.shells.get(sid or "")
        if s is None or s.owner != self.user["user"]:
            raise SoapFault("bad_shell", shell=sid or "")
        return s

    def find_command(self, root, sid, action):
        with self.h.lock:
            s = self.h.shells.get(sid or "")
        if not s:
            return None
        cid = None
        if action == "Receive":
            e = root.find("s:Body/rsp:Receive/rsp:DesiredStream", NS)
            cid = e.get("CommandId") if e is not None else None
        elif action == "Signal":
            e = root.find("s:Body/rsp:Signal", NS)
            cid = e.get("CommandId") if e is not None else None
        elif action == "Send":
            e = root.find("s:Body/rsp:Send/rsp:Stream", NS)
            cid = e.get("CommandId") if e is not None else None
        return s.commands.get((cid or "").upper())

    def user_shells(self):
        return [s for s in self.h.shells.values() if s.owner == self.user["user"]]

    def do_Create(self, root, sid, opts, secs, maxenv):
        if not self.user.get("remote", True):
            raise SoapFault("access_denied")
        sh = root.find("s:Body/rsp:Shell", NS)
        req = sh.get("ShellId") if sh is not None else None
        cp = int(opts.get("WINRS_CODEPAGE") or self.lab.a.codepage)
        with self.h.lock:
            if len(self.user_shells()) >= self.lab.a.max_shells:
                raise SoapFault("quota_shells", n=self.lab.a.max_shells)
            new = (str(uuid.uuid4()) if self.lab.a.own_ids or not req else req).upper()
            s = Shell(new, self.user["user"], cp, self.lab)
            it = root.find("s:Body/rsp:Shell/rsp:IdleTimeOut", NS)
            if it is None:
                it = root.find("s:Body/rsp:Shell/rsp:IdleTimeout", NS)
            if it is not None and it.text:
                s.idle_timeout = it.text
            self.h.shells[new] = s
        self.h.c["shells_created"] += 1
        scheme, port = ("https", self.lab.a.https_port) if self.tls else ("http", self.lab.a.http_port)
        return (f'<x:ResourceCreated><a:Address>{scheme}://{self.local[0]}:{port}/wsman</a:Address><a:ReferenceParameters>'
                f'<w:ResourceURI>{CMD_URI}</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">{new}</w:Selector></w:SelectorSet>'
                f'</a:ReferenceParameters></x:ResourceCreated><rsp:Shell xmlns:rsp="{RSP}"><rsp:ShellId>{new}</rsp:ShellId>'
                f'<rsp:ResourceUri>{CMD_URI}</rsp:ResourceUri><rsp:Owner>{escape(self.user["user"])}</rsp:Owner>'
                f'<rsp:ClientIP>{self.peer[0]}</rsp:ClientIP><rsp:IdleTimeOut>{escape(s.idle_timeout)}</rsp:IdleTimeOut>'
                f'<rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams>'
                f'<rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime><rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity></rsp:Shell>')

    def command_line(self, root):
        c = self.txt(root, "s:Body/rsp:CommandLine/rsp:Command") or ""
        args = [(e.text or "") for e in root.findall("s:Body/rsp:CommandLine/rsp:Arguments", NS)]
        return " ".join([c] + args)

    def do_Command(self, root, sid, opts, secs, maxenv):
        s = self.get_shell(sid)
        line = self.command_line(root)
        cl = root.find("s:Body/rsp:CommandLine", NS)
        cid = ((cl.get("CommandId") if cl is not None and not self.lab.a.own_ids else None) or str(uuid.uuid4())).upper()
        with self.h.lock:
            # [MS-WSMV] <118>: the counter does not go down on Terminate for a text shell; only Delete frees it
            if sum(x.ops for x in self.user_shells()) >= self.lab.a.max_ops:
                raise SoapFault("quota_ops", n=self.lab.a.max_ops)
            s.ops += 1
            e, script, cp = self.lab.canned.lookup(line, self.user, self.lab.answers_of(self.h.addr))
            if e.get("unknown") and opts.get("WINRS_SKIP_CMD_SHELL", "").upper() == "TRUE":
                s.ops -= 1
                raise SoapFault("not_found")
            s.commands[cid] = Command(cid, line, e, script, codepage_name(cp or s.codepage), self.lab)
            self.h.ran.append(s.commands[cid])
        self.h.c["commands"] += 1
        return f"<rsp:CommandResponse><rsp:CommandId>{cid}</rsp:CommandId></rsp:CommandResponse>"

    def do_Receive(self, root, sid, opts, secs, maxenv):
        s = self.get_shell(sid)
        c = self.find_command(root, sid, "Receive")
        if c is None:
            raise SoapFault("bad_command")
        cid = c.id
        budget = max(1024, (min(maxenv, self.lab.a.max_envelope_kb * 1024) - 3000) * 3 // 4)
        budget = min(budget, self.lab.a.receive_bytes)
        end = time.time() + secs
        with c.cond:
            while not c.queue and not c.done and c.killed != "terminate":
                left = end - time.time()
                if left <= 0:
                    raise SoapFault("timeout")
                if s.deleted.is_set():
                    raise SoapFault("aborted")
                c.cond.wait(min(left, 0.1))
                # a vanished client: stop waiting
                r = readable(self.sock, 0)
                if r and not self.buf:
                    try:
                        if not isinstance(self.sock, ssl.SSLSocket) and self.sock.recv(1, socket.MSG_PEEK) == b"":
                            raise EOFError
                    except OSError:
                        raise EOFError
            if c.killed == "terminate":
                s.commands.pop(cid, None)
                raise SoapFault("aborted")
            out, n = [], 0
            while c.queue and n < budget:
                st, data = c.queue[0]
                take = data[: budget - n]
                if len(take) < len(data):
                    c.queue[0] = (st, data[len(take):])
                else:
                    c.queue.popleft()
                n += len(take)
                c.sent[st] += take
                out.append(f'<rsp:Stream Name="{st}" CommandId="{cid}">{base64.b64encode(take).decode()}</rsp:Stream>')
            if c.done and not c.queue:
                for st in ("stdout", "stderr"):
                    out.append(f'<rsp:Stream Name="{st}" CommandId="{cid}" End="true"></rsp:Stream>')
                state = (f'<rsp:CommandState CommandId="{cid}" State="{RSP}/CommandState/Done"><rsp:ExitCode>{c.exit_code}</rsp:ExitCode></rsp:CommandState>')
            else:
                state = f'<rsp:CommandState CommandId="{cid}" State="{RSP}/CommandState/Running"></rsp:CommandState>'
        return f"<rsp:ReceiveResponse>{''.join(out)}{state}</rsp:ReceiveResponse>"

    def do_Send(self, root, sid, opts, secs, maxenv):
        self.get_shell(sid)
        if self.find_command(root, sid, "Send") is None:
            raise SoapFault("bad_command")
        return "<rsp:SendResponse/>"

    def do_Signal(self, root, sid, opts, secs, maxenv):
        s = self.get_shell(sid)
        c = self.find_command(root, sid, "Signal")
        code = (self.txt(root, "s:Body/rsp:Signal/rsp:Code") or "").rsplit("/", 1)[-1].lower()
        if c is None:
            raise SoapFault("bad_command")
        if code == "terminate":
            if not c.done:
                self.h.c["terminated_running"] += 1
            c.kill("terminate")
            s.commands.pop(c.id, None)
        elif code in ("ctrl_c", "ctrl_break"):
            c.kill("ctrl_c")
        else:
            raise SoapFault("bad_header", why=f"unknown signal {code}.")
        self.h.c["signal_" + code] += 1
        return "<rsp:SignalResponse/>"

    def do_Delete(self, root, sid, opts, secs, maxenv):
        s = self.get_shell(sid)
        with self.h.lock:
            self.h.shells.pop(sid, None)
        for c in list(s.commands.values()):
            if not c.done:
                self.h.c["deleted_with_running_command"] += 1
            c.kill("terminate")
        s.deleted.set()
        self.h.c["shells_deleted"] += 1
        return ""

    def run(self):
        lab = self.lab
        with lab.flock:
            lab.conn_now += 1
            lab.conn_peak = max(lab.conn_peak, lab.conn_now)
        self.h.c["connections"] += 1
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                try:
                    self.sock.settimeout(20)
                    self.sock = lab.a.ssl_ctx.wrap_socket(self.sock, server_side=True)
                    self.sock.settimeout(None)
                    self.client_cert = self.sock.getpeercert() or None
                except Exception as e:
                    self.h.c["tls_handshake_fail"] += 1
                    self.ev(ev="tls_fail", why=str(e)[:200])
                    return
            if lab.fault_for(self.local[0], "Connect"):
                raise DropConnection("connect")
            while True:
                self.serve_one()
        except (EOFError, ConnectionError, OSError):
            pass
        except DropConnection:
            self.h.c["dropped_by_lab"] += 1
        except Exception as e:
            self.h.c["server_errors"] += 1
            self.ev(ev="server_error", why=repr(e)[:300])
            traceback.print_exc()
        finally:
            with lab.flock:
                lab.conn_now -= 1
            try:
                self.sock.close()
            except OSError:
                pass


# --------------------------------------------------------------------------- PKI, control, main
def make_pki(d, names, addrs, users):
    """Lab CA + server certificate + one client certificate per user. Returns dict of paths."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    os.makedirs(d, exist_ok=True)
    t0 = dt.datetime.now(dt.timezone.utc) - dt.timedelta(days=1)
    t1 = t0 + dt.timedelta(days=30)

    def wr(p, b):
        with open(os.path.join(d, p), "wb") as f:
            f.write(b)
        return os.path.join(d, p)

    def pem_key(k):
        return k.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    cak = ec.generate_private_key(ec.SECP256R1())
    can = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "winrm-lab CA")])
    ca = (x509.CertificateBuilder().subject_name(can).issuer_name(can).public_key(cak.public_key()).serial_number(x509.random_serial_number())
          .not_valid_before(t0).not_valid_after(t1).add_extension(x509.BasicConstraints(True, 0), True)
          .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), True).sign(cak, hashes.SHA256()))
    wr("ca.pem", ca.public_bytes(serialization.Encoding.PEM))

    def leaf(cn, sans, eku, sig=None):
        k = ec.generate_private_key(ec.SECP256R1())
        b = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])).issuer_name(can)
             .public_key(k.public_key()).serial_number(x509.random_serial_number()).not_valid_before(t0).not_valid_after(t1)
             .add_extension(x509.BasicConstraints(False, None), True).add_extension(x509.ExtendedKeyUsage([eku]), False))
        if sans:
            b = b.add_extension(x509.SubjectAlternativeName(sans), False)
        return k, b.sign(cak, sig or hashes.SHA256())

    sans = [x509.DNSName(n) for n in names] + [x509.IPAddress(ipaddress.ip_address(a)) for a in addrs]
    k, c = leaf(names[0], sans, ExtendedKeyUsageOID.SERVER_AUTH)
    wr("server.pem", c.public_bytes(serialization.Encoding.PEM))
    wr("server.key", pem_key(k))
    for u in users:
        k, c = leaf(u, None, ExtendedKeyUsageOID.CLIENT_AUTH)
        wr(f"client-{u}.pem", c.public_bytes(serialization.Encoding.PEM))
        wr(f"client-{u}.key", pem_key(k))
    return d


def control_server(lab, port):
    class H(BaseHTTPRequestHandler):
        def log_message(self, *a):
            pass

        def out(self, obj, status=200):
            b = json.dumps(obj, ensure_ascii=False, indent=1).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(b)))
            self.end_headers()
            self.wfile.write(b)

        def do_GET(self):
            if self.path == "/state":
                return self.out(lab.state())
            if self.path.startswith("/sent/"):
                return self.out(lab.sent(self.path[6:]))
            if self.path.startswith("/log"):
                return self.out(list(lab.log))
            self.out({"error": "GET /state, GET /log, POST /faults [rules], POST /reset"}, 404)

        def do_POST(self):
            n = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(n)
            if self.path == "/faults":
                lab.set_faults(json.loads(body or b"[]"))
                return self.out({"faults": len(lab.faults)})
            if self.path == "/answers":      # entries as in canned/index.json, with "host"
                lab.answers = json.loads(body or b"[]")
                return self.out({"answers": len(lab.answers)})
            if self.path == "/config":       # change limits while running
                for k, v in json.loads(body).items():
                    if k not in ("max_shells", "max_ops", "max_envelope_kb", "receive_bytes", "allow_unencrypted", "cbt", "codepage", "relay"):
                        return self.out({"error": f"cannot set {k}"}, 400)
                    setattr(lab.a, k, v)
                return self.out({"ok": True})
            if self.path == "/reset":
                with lab.flock:
                    for h in lab.hosts.values():
                        with h.lock:
                            for s in h.shells.values():
                                for c in s.commands.values():
                                    c.kill("terminate")
                            h.shells.clear()
                            h.c.clear()
                    lab.faults = []
                    lab.conn_peak = lab.conn_now
                with lab.log_lock:
                    lab.log.clear()
                return self.out({"ok": True})
            self.out({"error": "unknown"}, 404)

    s = ThreadingHTTPServer(("127.0.0.1", port), H)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return s.server_address[1]


def expand_hosts(spec):
    out = []
    for part in spec.split(","):
        if "-" in part:
            a, b = (int(ipaddress.ip_address(x.strip())) for x in part.split("-"))
            out += [str(ipaddress.ip_address(i)) for i in range(a, b + 1)]
        else:
            out.append(part.strip())
    for a in out:
        if ipaddress.ip_address(a) not in ipaddress.ip_network("127.0.0.0/8"):
            sys.exit(f"refusing to bind {a}: loopback only")
    return out


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--http", type=int, default=0, metavar="PORT", help="HTTP port (0 = pick one, -1 = off)")
    p.add_argument("--https", type=int, default=0, metavar="PORT", help="HTTPS port (0 = pick one, -1 = off)")
    p.add_argument("--control", type=int, default=0, metavar="PORT", help="control port on 127.0.0.1")
    p.add_argument("--hosts", default="127.0.0.1", help="addresses or ranges, e.g. 127.0.1.1-127.0.1.200")
    p.add_argument("--users", default=os.path.join(here, "users.json"))
    p.add_argument("--canned", default=os.path.join(here, "canned"))
    p.add_argument("--state-dir", default=None, help="where ca.pem, server.pem, client-*.pem go")
    p.add_argument("--auth", default="negotiate,kerberos,basic,certificate")
    p.add_argument("--allow-unencrypted", action="store_true", help="winrm/config/service AllowUnencrypted=true")
    p.add_argument("--cbt", choices=["none", "relaxed", "strict"], default="relaxed", help="CbtHardeningLevel")
    p.add_argument("--keytab", default=None, help="keytab with HTTP/<krb-host>@REALM: turns the Kerberos acceptor on (needs gssapi, krb5)")
    p.add_argument("--krb-host", default=None)
    p.add_argument("--krb-service", default="HTTP")
    p.add_argument("--relay", action="store_true", help="expect the bindings of another certificate, as behind a relay")
    p.add_argument("--codepage", type=int, default=437, help="console code page when the client sends no WINRS_CODEPAGE")
    p.add_argument("--max-shells", type=int, default=30)
    p.add_argument("--max-ops", type=int, default=1500)
    p.add_argument("--max-envelope-kb", type=int, default=500)
    p.add_argument("--receive-bytes", type=int, default=10 ** 9, help="cap of one ReceiveResponse's decoded bytes")
    p.add_argument("--own-ids", action="store_true", help="shells and commands get names of the service's choice, as on older Windows")
    p.add_argument("--faults", default=None, help="JSON file with fault rules")
    p.add_argument("--log", default=None, help="append events here as JSONL")
    p.add_argument("--log-soap", action="store_true")
    p.add_argument("--verbose", action="store_true")
    a = p.parse_args()
    a.auth_list = [x.strip().lower() for x in a.auth.split(",") if x.strip()]
    with open(a.users, encoding="utf-8") as f:
        a.users_list = json.load(f)
    sd = a.state_dir or tempfile.mkdtemp(prefix="winrm_lab_")
    os.makedirs(sd, exist_ok=True)
    # NTLM account store for pyspnego's acceptor: smbpasswd lines, so any password works
    nf = os.path.join(sd, "ntlm_users")
    with open(nf, "w", encoding="utf-8") as f:
        for u in a.users_list:
            nt = ntowfv1(u["password"]).hex().upper()
            names = {u["user"], f"{u.get('domain') or 'LAB'}\\{u['user']}", f"{socket.gethostname().upper()}\\{u['user']}", f".\\{u['user']}"}
            names |= {f"{u['user']}@{r}" for r in (u.get("upn_suffixes") or ["lab.test"])}
            for n in sorted(names):
                f.write(f"{n}:1000:{'0' * 32}:{nt}:[U]:LCT-00000000\n")
    os.chmod(nf, 0o600)
    os.environ["NTLM_USER_FILE"] = nf
    os.environ["LM_COMPAT_LEVEL"] = "5"        # NTLMv2 only
    if a.keytab:
        os.environ["KRB5_KTNAME"] = a.keytab
        a.krb_host = a.krb_host or "localhost"
    addrs = expand_hosts(a.hosts)
    make_pki(sd, ["localhost", "winlab.test"] + ([a.krb_host] if a.krb_host else []), addrs, [u["user"] for u in a.users_list])
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    with open(os.path.join(sd, "server.pem"), "rb") as f:
        der = x509.load_pem_x509_certificate(f.read()).public_bytes(Encoding.DER)
    a.cert_hash = hashlib.sha256(der).digest()
    a.ssl_ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    a.ssl_ctx.load_cert_chain(os.path.join(sd, "server.pem"), os.path.join(sd, "server.key"))
    a.ssl_ctx.load_verify_locations(os.path.join(sd, "ca.pem"))
    a.ssl_ctx.verify_mode = ssl.CERT_OPTIONAL if "certificate" in a.auth_list else ssl.CERT_NONE
    lab = Lab(a)
    if a.faults:
        with open(a.faults) as f:
            lab.set_faults(json.load(f))
    socks = {}
    for tls, port in ((False, a.http), (True, a.https)):
        if port < 0:
            continue
        for ad in addrs:
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((ad, port))
            port = s.getsockname()[1]          # the first address picks, the others follow
            s.listen(512)
            s.setblocking(False)
            socks[s] = tls
            lab.host(ad)
        if tls:
            a.https_port = port
        else:
            a.http_port = port
    for k in ("http_port", "https_port"):
        if not hasattr(a, k):
            setattr(a, k, None)
    cport = control_server(lab, a.control)
    print(json.dumps({"ready": True, "pid": os.getpid(), "http": a.http_port, "https": a.https_port, "control": cport, "hosts": len(addrs),
                      "first_host": addrs[0], "ca": os.path.join(sd, "ca.pem"), "state_dir": sd, "server_cert_sha256": a.cert_hash.hex()}), flush=True)
    poll = select.epoll()
    fds = {s.fileno(): s for s in socks}
    for fd in fds:
        poll.register(fd, select.EPOLLIN)
    try:
        while True:
            for fd, _ in poll.poll(1):
                s = fds[fd]
                try:
                    c, peer = s.accept()
                except BlockingIOError:
                    continue
                c.setblocking(True)
                Conn(lab, c, peer, c.getsockname(), socks[s]).start()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
