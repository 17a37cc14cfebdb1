import assert from "node:assert/strict";
import sockets from "../../collectors/sockets/mod.ts";
import { Processes } from "../../collectors/sockets/processes.ts";
import { SystemError } from "../../native/libc.ts";
import { NetlinkSocket } from "../../native/netlink.ts";
import { Collecting, metricOf } from "../helpers/collecting.ts";
import { fixtureFolder } from "../helpers/fixtures.ts";
import { RawSocket } from "../helpers/raw_sockets.ts";

const PROCFS = fixtureFolder("procfs");

/** What the info metric shows of the fixture, without the state and the process of each. */
const TCP_LISTENERS = [
  "0.0.0.0:22 0.0.0.0:0 LISTEN lo tcp listen sshd",
  "0.0.0.0:443 0.0.0.0:0 LISTEN lo tcp listen nginx = 2",
  "127.0.0.1:5432 0.0.0.0:0 LISTEN lo tcp listen postgres",
  ":::80 :::0 LISTEN lo tcp listen nginx",
];

const TCP_IPV4 = [
  "127.0.0.1:40000 127.0.0.1:5432 ESTABLISHED lo tcp outgoing Web Content",
  "127.0.0.1:5432 127.0.0.1:40000 ESTABLISHED lo tcp incoming postgres",
  "192.0.2.10:22 203.0.113.77:51000 ESTABLISHED eth0 tcp incoming sshd",
  "192.0.2.10:40001 203.0.113.80:443 ESTABLISHED eth0 tcp outgoing Web Content",
  "192.0.2.10:40003 203.0.113.80:443 TIME_WAIT eth0 tcp outgoing ",
  "192.0.2.10:40004 203.0.113.80:443 TIME_WAIT eth0 tcp outgoing ",
  "192.0.2.10:443 203.0.113.200:52000 SYN_RECV eth0 tcp incoming ",
  "192.0.2.10:443 203.0.113.200:52003 CLOSE_WAIT eth0 tcp incoming nginx",
  "192.0.2.10:443 203.0.113.200:52004 LAST_ACK eth0 tcp incoming ",
  "192.0.2.10:80 203.0.113.77:51001 ESTABLISHED eth0 tcp incoming nginx",
  "198.51.100.2:40002 198.51.100.9:3306 SYN_SENT eth0.7 tcp outgoing Web Content",
  "198.51.100.2:40005 198.51.100.9:3306 CLOSING eth0.7 tcp outgoing ",
  "203.0.113.5:443 203.0.113.6:52001 FIN_WAIT1 bond0 tcp incoming ",
  "203.0.113.5:443 203.0.113.6:52002 FIN_WAIT2 bond0 tcp incoming nginx",
];

const TCP_IPV6 = [
  "2001:db8::10:40006 2001:db8:2::1:443 ESTABLISHED eth0 tcp outgoing Web Content",
  "2001:db8::10:40008 2001:db8:2::1:443 SYN_SENT eth0 tcp outgoing Web Content",
  "2001:db8::10:40009 2001:db8:2::1:443 FIN_WAIT2 eth0 tcp outgoing Web Content",
  "2001:db8::10:40010 2001:db8:2::1:443 CLOSE_WAIT eth0 tcp outgoing Web Content",
  "2001:db8::10:40011 2001:db8:2::1:443 CLOSING eth0 tcp outgoing ",
  "2001:db8::10:80 2001:db8:1::99:53000 ESTABLISHED eth0 tcp incoming nginx",
  "2001:db8::10:80 2001:db8:1::99:53002 SYN_RECV eth0 tcp incoming ",
  "2001:db8::10:80 2001:db8:1::99:53003 FIN_WAIT1 eth0 tcp incoming ",
  "2001:db8::10:80 2001:db8:1::99:53004 TIME_WAIT eth0 tcp incoming ",
  "2001:db8::10:80 2001:db8:1::99:53005 LAST_ACK eth0 tcp incoming ",
  "::1:40007 ::1:80 ESTABLISHED lo tcp outgoing Web Content",
  "::1:80 ::1:40007 ESTABLISHED lo tcp incoming nginx",
  "fe80::1:80 fe80::2:53001 ESTABLISHED eth0 tcp incoming nginx",
];

const UDP = [
  "0.0.0.0:5353 0.0.0.0:0 UNCONN lo udp listen Web Content",
  "0.0.0.0:5353 0.0.0.0:0 UNCONN lo udp listen avahi-daemon",
  "127.0.0.53:53 0.0.0.0:0 UNCONN lo udp listen systemd-resolve",
  "192.0.2.10:40020 192.0.2.53:53 ESTABLISHED eth0 udp outgoing systemd-resolve",
  "2001:db8::10:40021 2001:db8::53:53 ESTABLISHED eth0 udp outgoing systemd-resolve",
  "::1:123 :::0 UNCONN lo udp listen chronyd",
  ":::5353 :::0 UNCONN lo udp listen avahi-daemon",
];

const INFO = new RegExp(
  '^network_connections_info{source_address="(.*)",source_port="(.*)",destination_address="(.*)",' +
    'destination_port="(.*)",state="(.*)",interface="(.*)",protocol="(.*)",direction="(.*)",process_name="(.*)"}$',
);

/** The series of the info metric in short. */
function infoOf(series: ReadonlyMap<string, number>): string[] {
  return [...series].flatMap(([text, value]) => {
    const [, source, sourcePort, destination, destinationPort, ...rest] = INFO.exec(text) ?? [];
    if (source === undefined) return [];
    const line = `${source}:${sourcePort} ${destination}:${destinationPort} ${rest.join(" ")}`;
    return value === 1 ? line : `${line} = ${value}`;
  }).sort();
}

function withoutProcess(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^((?:\S+ ){6})[^=]*?( = \d+)?$/, "$1$2"));
}

interface FakeOptions {
  /** Files other than those of the fixture; a file that is null is not there. */
  readonly files?: Readonly<Record<string, string | null>>;
  readonly process?: boolean;
}

async function withFake(
  { files = {}, process = false }: FakeOptions,
  body: (collecting: Collecting, procfs: string) => Promise<void>,
): Promise<void> {
  const procfs = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${procfs}/net`);
    for (const { name, isFile } of Deno.readDirSync(`${PROCFS}/net`)) {
      if (isFile && files[name] !== null) Deno.copyFileSync(`${PROCFS}/net/${name}`, `${procfs}/net/${name}`);
    }
    for (const [name, text] of Object.entries(files)) {
      if (text !== null) Deno.writeTextFileSync(`${procfs}/net/${name}`, text);
    }
    using collecting = new Collecting(sockets, {
      settings: { source: "procfs", process },
      paths: { procfs },
    });
    await body(collecting, procfs);
  } finally {
    Deno.removeSync(procfs, { recursive: true });
  }
}

function collectingOf(settings: Readonly<Record<string, string | boolean>>): Collecting {
  return new Collecting(sockets, { settings, paths: { procfs: PROCFS } });
}

Deno.test("network_connections_info shows each socket of procfs, and its process when that is asked for", async () => {
  using collecting = collectingOf({ source: "procfs", process: true });
  assert.deepEqual(
    infoOf(await collecting.collect()),
    [...TCP_LISTENERS, ...TCP_IPV4, ...TCP_IPV6, ...UDP].sort(),
  );
  assert.deepEqual(collecting.problems.size, 0);
});

Deno.test("network_connections_info shows no process unless it is asked for", async () => {
  using collecting = collectingOf({ source: "procfs" });
  const lines = withoutProcess([...TCP_LISTENERS, ...TCP_IPV4, ...TCP_IPV6, ...UDP]);
  // Without their processes the two of mDNS are the same.
  const mdns = "0.0.0.0:5353 0.0.0.0:0 UNCONN lo udp listen ";
  assert.deepEqual(
    infoOf(await collecting.collect()),
    [...lines.filter((line) => line !== mdns), `${mdns} = 2`].sort(),
  );
});

Deno.test("Sockets of another host's procfs are read from it when the source is auto", async () => {
  using auto = collectingOf({ source: "auto" }), procfs = collectingOf({ source: "procfs" });
  assert.deepEqual(await auto.collect(), await procfs.collect());
});

Deno.test("network_connections counts the sockets of procfs", async () => {
  using collecting = collectingOf({ source: "procfs" });
  const series = metricOf(await collecting.collect(), "network_connections");
  const short = Object.entries(series).map(([labels, value]) => {
    const [protocol, state, name, direction] = [...labels.matchAll(/"(.*?)"/g)].map(([, text]) => text);
    return `${protocol} ${state} ${name} ${direction} ${value}`;
  });
  assert.deepEqual(short.sort(), [
    "tcp CLOSE_WAIT eth0 incoming 1",
    "tcp CLOSE_WAIT eth0 outgoing 1",
    "tcp CLOSING eth0 outgoing 1",
    "tcp CLOSING eth0.7 outgoing 1",
    "tcp ESTABLISHED eth0 incoming 4",
    "tcp ESTABLISHED eth0 outgoing 2",
    "tcp ESTABLISHED lo incoming 2",
    "tcp ESTABLISHED lo outgoing 2",
    "tcp FIN_WAIT1 bond0 incoming 1",
    "tcp FIN_WAIT1 eth0 incoming 1",
    "tcp FIN_WAIT2 bond0 incoming 1",
    "tcp FIN_WAIT2 eth0 outgoing 1",
    "tcp LAST_ACK eth0 incoming 2",
    "tcp LISTEN lo listen 5",
    "tcp SYN_RECV eth0 incoming 2",
    "tcp SYN_SENT eth0 outgoing 1",
    "tcp SYN_SENT eth0.7 outgoing 1",
    "tcp TIME_WAIT eth0 incoming 1",
    "tcp TIME_WAIT eth0 outgoing 2",
    "udp ESTABLISHED eth0 outgoing 2",
    "udp UNCONN lo listen 5",
  ]);
});

Deno.test("network_listen_queue shows the queues of the listeners of procfs, added up where labels are the same", async () => {
  using collecting = collectingOf({ source: "procfs" });
  assert.deepEqual(metricOf(await collecting.collect(), "network_listen_queue"), {
    '{source_address="0.0.0.0",source_port="22"}': 0,
    '{source_address="0.0.0.0",source_port="443"}': 2,
    '{source_address="127.0.0.1",source_port="5432"}': 3,
    '{source_address="::",source_port="80"}': 1,
  });
});

for (
  const name of [
    "network_listen_queue_limit",
    "network_tcp_retransmitted_segments",
    "network_tcp_unacked_segments",
  ]
) {
  Deno.test(`${name} has no series when sockets are read from procfs`, async () => {
    using collecting = collectingOf({ source: "procfs" });
    assert.deepEqual(metricOf(await collecting.collect(), name), {});
  });
}

Deno.test("A second pass shows the same as the first", async () => {
  using collecting = collectingOf({ source: "procfs", process: true });
  const first = await collecting.collect();
  assert.deepEqual(await collecting.collect(), first);
});

Deno.test("A pass shows what has changed since the one before", async () => {
  await withFake({}, async (collecting, procfs) => {
    await collecting.collect();
    for (const name of ["tcp6", "udp", "udp6"]) Deno.removeSync(`${procfs}/net/${name}`);
    const [head, ...lines] = Deno.readTextFileSync(`${PROCFS}/net/tcp`).split("\n");
    Deno.writeTextFileSync(`${procfs}/net/tcp`, [head, lines[0]].join("\n"));
    Deno.writeTextFileSync(`${procfs}/net/udp`, "");
    assert.deepEqual(infoOf(await collecting.collect()), withoutProcess([TCP_LISTENERS[0]!]));
  });
});

Deno.test("A port that is no longer listened on makes its connections outgoing", async () => {
  await withFake({}, async (collecting, procfs) => {
    await collecting.collect();
    const text = Deno.readTextFileSync(`${procfs}/net/tcp`);
    Deno.writeTextFileSync(`${procfs}/net/tcp`, text.replace(/^.*00000000:0016.*\n/m, ""));
    const ssh = infoOf(await collecting.collect()).filter((line) => line.startsWith("192.0.2.10:22 "));
    assert.deepEqual(ssh, ["192.0.2.10:22 203.0.113.77:51000 ESTABLISHED eth0 tcp outgoing "]);
  });
});

Deno.test("Without tcp6 and udp6 the sockets of IPv4 are shown", async () => {
  await withFake({ files: { tcp6: null, udp6: null } }, async (collecting) => {
    const lines = infoOf(await collecting.collect());
    assert.equal(lines.length, 19);
    assert(lines.includes("0.0.0.0:22 0.0.0.0:0 LISTEN lo tcp listen "));
    assert.deepEqual(collecting.problems.size, 0);
  });
});

for (const name of ["tcp", "udp"]) {
  Deno.test(`A pass fails when ${name} is not there`, async () => {
    await withFake({ files: { [name]: null } }, async (collecting) => {
      await assert.rejects(collecting.collect(), Deno.errors.NotFound);
    });
  });
}

Deno.test("Files of heads alone have no sockets", async () => {
  const head = Deno.readTextFileSync(`${PROCFS}/net/tcp`).split("\n")[0]!;
  await withFake({ files: { tcp: `${head}\n`, tcp6: head, udp: head, udp6: "" } }, async (collecting) => {
    assert.deepEqual(await collecting.collect(), new Map());
    assert.deepEqual(collecting.problems.size, 0);
  });
});

Deno.test("Empty files have no sockets", async () => {
  await withFake({ files: { tcp: "", tcp6: "", udp: "", udp6: "" } }, async (collecting) => {
    assert.deepEqual(await collecting.collect(), new Map());
  });
});

const GARBLED = "  17: 0A0200C0:01BB C8710\n";

for (
  const { where, after } of [
    { where: "before all sockets", after: "inode" },
    { where: "among the listeners", after: "0100007F:1538 00000000:0000" },
    { where: "among the connections", after: "0100007F:1538 0100007F:9C40" },
    { where: "after all sockets", after: "026433C6:9C45" },
  ]
) {
  Deno.test(`A garbled line ${where} is counted once, and all others are shown`, async () => {
    const text = Deno.readTextFileSync(`${PROCFS}/net/tcp`);
    const tcp = text.replace(new RegExp(`^.*${after}.*\n`, "m"), `$&${GARBLED}`);
    assert.notEqual(tcp, text);
    await withFake({ files: { tcp } }, async (collecting) => {
      const lines = infoOf(await collecting.collect());
      assert.equal(lines.length, 37);
      assert.deepEqual([...collecting.problems], [["malformed", 1]]);
    });
  });
}

Deno.test("A garbled line is counted in each pass", async () => {
  const udp = Deno.readTextFileSync(`${PROCFS}/net/udp`) + GARBLED;
  await withFake({ files: { udp } }, async (collecting) => {
    await collecting.collect();
    await collecting.collect();
    assert.deepEqual([...collecting.problems], [["malformed", 1]]);
  });
});

Deno.test("A pass reads tables that are longer than one block", async () => {
  const head = Deno.readTextFileSync(`${PROCFS}/net/tcp`).split("\n")[0]!;
  const lines = Array.from({ length: 3000 }, (_, i) => {
    const port = (10_000 + i).toString(16).toUpperCase();
    return `${
      String(i).padStart(4)
    }: 0A0200C0:${port} 507100CB:01BB 01 00000000:00000000 00:00000000 00000000  1000` +
      `        0 ${30_000 + i} 1 0000000000000000 100 0 0 10 0`.padEnd(60);
  });
  await withFake({ files: { tcp: [head, ...lines, ""].join("\n") } }, async (collecting) => {
    const series = metricOf(await collecting.collect(), "network_connections");
    assert.equal(series['{protocol="tcp",state="ESTABLISHED",interface="eth0",direction="outgoing"}'], 3001);
  });
});

Deno.test("An address of no known interface has none", async () => {
  await withFake({ files: { route: null, if_inet6: null } }, async (collecting) => {
    const lines = infoOf(await collecting.collect());
    assert(lines.includes("192.0.2.10:22 203.0.113.77:51000 ESTABLISHED  tcp incoming "));
    assert(lines.includes("0.0.0.0:22 0.0.0.0:0 LISTEN lo tcp listen "));
  });
});

Deno.test("An address belongs to the interface of the longest route that holds it", async () => {
  const wide = "br0\t000200C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
  const narrow = "tap0\t080200C0\t00000000\t0001\t0\t0\t0\tF8FFFFFF\t0\t0\t0\n";
  const route = Deno.readTextFileSync(`${PROCFS}/net/route`) + wide + narrow;
  await withFake({ files: { route } }, async (collecting) => {
    const lines = infoOf(await collecting.collect());
    assert(lines.includes("192.0.2.10:22 203.0.113.77:51000 ESTABLISHED tap0 tcp incoming "));
  });
});

Deno.test("A pass fails when the processes are asked for and procfs is not there", async () => {
  using collecting = new Collecting(sockets, {
    settings: { source: "procfs", process: true },
    paths: { procfs: "/nonexistent" },
  });
  await assert.rejects(collecting.collect(), Deno.errors.NotFound);
});

Deno.test("A socket that several processes have open is that of the oldest", async () => {
  using collecting = collectingOf({ source: "procfs", process: true });
  const names = infoOf(await collecting.collect()).filter((line) => line.startsWith("0.0.0.0:22 "));
  assert.deepEqual(names, ["0.0.0.0:22 0.0.0.0:0 LISTEN lo tcp listen sshd"]);
});

Deno.test("A process that ends while it is looked at costs its name only", async () => {
  const gone = await errorOfGoneProcess();
  const { readTextFileSync } = Deno;
  using collecting = collectingOf({ source: "procfs", process: true });
  try {
    Deno.readTextFileSync = (path) => {
      if (String(path).endsWith("/812/comm")) throw gone;
      return readTextFileSync(path);
    };
    const lines = infoOf(await collecting.collect());
    assert(lines.includes("127.0.0.1:5432 0.0.0.0:0 LISTEN lo tcp listen postgres"));
    assert(lines.includes("0.0.0.0:22 0.0.0.0:0 LISTEN lo tcp listen copy"));
  } finally {
    Deno.readTextFileSync = readTextFileSync;
  }
});

/** What reading the name of a process throws when it has ended since the file was opened: ESRCH. */
async function errorOfGoneProcess(): Promise<unknown> {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  using comm = Deno.openSync(`/proc/${child.pid}/comm`);
  child.kill("SIGKILL");
  await child.status;
  try {
    comm.readSync(new Uint8Array(16));
  } catch (error) {
    return error;
  }
  throw new Error("Expected reading to fail");
}

Deno.test("A pass that is given up leaves nothing behind that the next one shows", async () => {
  using collecting = collectingOf({ source: "procfs" });
  const whole = await collecting.collect();
  collecting.pipeline.begin();
  for await (const _ of collecting.source.snapshot!(AbortSignal.abort())) break;
  collecting.pipeline.abandon();
  assert.deepEqual(await collecting.collect(), whole);
});

/** Runs the body while netlink fails with an error where the test of a request says so. */
async function withFailingDumps(
  fails: (request: Uint8Array, answers: number) => number | undefined,
  body: () => Promise<void>,
): Promise<void> {
  const { dump } = NetlinkSocket.prototype;
  NetlinkSocket.prototype.dump = function* (request) {
    const steps = dump.call(this, request)[Symbol.iterator]();
    for (let answers = 0;; answers++) {
      const error = fails(request, answers);
      if (error !== undefined) throw new SystemError("dump by netlink", error);
      const step = steps.next();
      if (step.done) return;
      yield;
    }
  };
  try {
    await body();
  } finally {
    NetlinkSocket.prototype.dump = dump;
  }
}

// include/uapi/asm-generic/errno-base.h and errno.h
const ENOENT = 2, ENOBUFS = 105;
const SOCK_DIAG_BY_FAMILY = 20, TCPDIAG_GETSOCK = 18;

/** Of a request of inet_diag: the number of the protocol. */
function protocolOf(request: Uint8Array): number | undefined {
  if (request[4] === TCPDIAG_GETSOCK) return 6;
  return request[4] === SOCK_DIAG_BY_FAMILY ? request[17] : undefined;
}

/** The body gets how the kernel's listeners of the test are known in labels. */
function withListeners(count: number, body: (own: ReadonlySet<string>) => Promise<void>): Promise<void> {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const own = listeners.map(({ addr }) => `{source_address="127.0.0.1",source_port="${addr.port}"`);
  return body(new Set(own)).finally(() => listeners.forEach((listener) => listener.close()));
}

/** How many of the listeners a pass shows, and how many limits of their queues, of which only netlink tells. */
async function listenersOf(collecting: Collecting, own: ReadonlySet<string>) {
  const series = await collecting.collect();
  const isOwn = (labels: string) =>
    own.has(labels.slice(0, labels.indexOf('"', labels.indexOf("source_port") + 13) + 1));
  const shown = Object.entries(metricOf(series, "network_connections_info")).filter(([labels]) =>
    isOwn(labels)
  );
  return {
    count: shown.reduce((sum, [, value]) => sum + value, 0),
    limits: Object.keys(metricOf(series, "network_listen_queue_limit")).filter(isOwn).length,
  };
}

Deno.test("A protocol that netlink does not tell of is read from procfs, and the other by netlink", async () => {
  const socket = RawSocket.udp("127.0.0.1:0");
  await withListeners(
    1,
    () =>
      withFailingDumps((request) => protocolOf(request) === 17 ? ENOENT : undefined, async () => {
        using collecting = new Collecting(sockets);
        const series = await collecting.collect();
        assert(
          Object.keys(metricOf(series, "network_connections")).some((labels) => labels.includes('"udp"')),
        );
        assert(Object.keys(metricOf(series, "network_listen_queue_limit")).length > 0);
      }),
  );
  socket.close();
});

Deno.test("A pass fails when netlink does not tell of sockets and nothing else is allowed", async () => {
  await withFailingDumps((request) => protocolOf(request) === 17 ? ENOENT : undefined, async () => {
    using collecting = new Collecting(sockets, { settings: { source: "netlink" } });
    await assert.rejects(collecting.collect(), SystemError);
  });
});

Deno.test("No socket is counted twice when netlink fails in the middle of an answer", async () => {
  await withListeners(1000, async (own) => {
    using collecting = new Collecting(sockets);
    await withFailingDumps(
      (request, answers) => protocolOf(request) === 6 && answers === 2 ? ENOBUFS : undefined,
      async () => {
        // That the pass fails is right as well.
        const found = await listenersOf(collecting, own).catch(() => undefined);
        assert([undefined, 1000].includes(found?.count), `${found?.count} of 1000`);
      },
    );
  });
});

Deno.test("Sockets are read by netlink again after it failed for want of memory", async () => {
  await withListeners(1, async (own) => {
    using collecting = new Collecting(sockets);
    await withFailingDumps((request) => protocolOf(request) === 6 ? ENOBUFS : undefined, async () => {
      await collecting.collect().catch(() => {});
    });
    assert.deepEqual(await listenersOf(collecting, own), { count: 1, limits: 1 });
  });
});

Deno.test("Interfaces are read from procfs when netlink does not tell of them", async () => {
  await withListeners(
    1,
    (own) =>
      withFailingDumps((request) => protocolOf(request) === undefined ? ENOENT : undefined, async () => {
        using collecting = new Collecting(sockets);
        assert.deepEqual(await listenersOf(collecting, own), { count: 1, limits: 1 });
        assert.match(collecting.logged.join(""), /Interfaces are read from procfs/);
      }),
  );
});

Deno.test("refresh() yields while it looks at a process with many descriptors", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${folder}/7/fd`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/7/comm`, "busy\n");
    for (let i = 0; i < 2000; i++) Deno.symlinkSync(`socket:[${i}]`, `${folder}/7/fd/${i}`);
    const processes = new Processes(folder);
    assert((await Array.fromAsync(processes.refresh())).length >= 4);
    assert.equal(processes.nameOf(1999), "busy");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
