import assert from "node:assert/strict";
import { Roads } from "../../../collectors/conntrack/roads.ts";
import type { Context } from "../../../core/collector.ts";
import { InterfaceNames } from "../../../core/interface_names.ts";
import { Log } from "../../../core/log.ts";
import { Vocabulary } from "../../../core/vocabulary.ts";
import { inOnePiece } from "../../../core/work.ts";
import { ConntrackEntry } from "../../../parsers/conntrack_entry.ts";
import { type Answer, withNetlink } from "../../helpers/fake_netlink.ts";
import { fixture, fixtureText } from "../../helpers/fixtures.ts";

type Source = ConstructorParameters<typeof Roads>[0];

const EPERM = 1, ENOENT = 2, EACCES = 13, ENOMEM = 12, EINVAL = 22, EPROTONOSUPPORT = 93;
const DUMP = fixture("netlink/conntrack.bin"), CONNECTIONS = 25;

/** Roads of a host whose netlink answers as `answer` says. */
class Host implements Disposable {
  answer: Answer = { bytes: DUMP };
  /** What is thrown when the file of procfs is opened. */
  procfsError: Error | undefined;
  readonly roads: Roads;
  readonly problems: string[] = [];
  changes = 0;
  readonly #logged: string[] = [];
  /** What is in the file of procfs. */
  readonly #file = Deno.makeTempFileSync();

  constructor(source: Source = "auto", procfs = "/proc") {
    Deno.writeTextFileSync(this.#file, fixtureText("procfs/conntrack/nf_conntrack"));
    const context: Context = {
      vocabulary: new Vocabulary(),
      sink: () => assert.fail("No record is written"),
      log: new Log({ level: "debug", format: "logfmt", write: (line) => this.#logged.push(line) }),
      paths: { procfs, sysfs: "/sys" },
      interfaceNames: new InterfaceNames(),
      problem: (reason) => this.problems.push(reason),
      quality: () => assert.fail("No quality is told"),
    };
    this.roads = new Roads(source, context, () => this.changes++);
  }

  /** Reads the table; gives how many connections there were. */
  async read(take = () => {}, before: () => void = () => {}): Promise<number> {
    let taken = 0;
    const { openSync, statSync } = Deno;
    Deno.statSync = () => statSync(this.#file);
    Deno.openSync = (path, options) => {
      assert.match(String(path), /\/net\/nf_conntrack$/);
      if (this.procfsError) throw this.procfsError;
      return openSync(this.#file, options);
    };
    const takeOne = () => {
      take();
      taken++;
    };
    const beforeBlock = () => {
      before();
      return [];
    };
    try {
      await withNetlink(() => this.answer, () => {
        inOnePiece(this.roads.read(new ConntrackEntry(), takeOne, beforeBlock));
      });
    } finally {
      Object.assign(Deno, { openSync, statSync });
    }
    return taken;
  }

  /** What was logged, without what differs from run to run. */
  get logged(): string[] {
    return this.#logged.map((line) => line.replace(/^ts=\S+ /, "").trimEnd());
  }

  [Symbol.dispose](): void {
    this.roads.close();
    Deno.removeSync(this.#file);
  }
}

const BEST: readonly { readonly source: Source; readonly procfs: string; readonly isNetlink: boolean }[] = [
  { source: "auto", procfs: "/proc", isNetlink: true },
  { source: "auto", procfs: "/host/proc", isNetlink: false },
  { source: "netlink", procfs: "/proc", isNetlink: true },
  { source: "netlink", procfs: "/host/proc", isNetlink: true },
  { source: "procfs", procfs: "/proc", isNetlink: false },
  { source: "procfs", procfs: "/host/proc", isNetlink: false },
];

for (const { source, procfs, isNetlink } of BEST) {
  const road = isNetlink ? "netlink" : "procfs";
  Deno.test(`Roads begins with ${road} when the source is ${source} and procfs is ${procfs}`, async () => {
    using host = new Host(source, procfs);
    assert.deepEqual([host.roads.isNetlink, host.roads.mayBeNetlink], [isNetlink, isNetlink]);
    const seen: boolean[] = [];
    const connections = await host.read(undefined, () => seen.push(host.roads.isNetlink));
    assert.deepEqual([connections, seen[0]], [CONNECTIONS, isNetlink]);
    assert.deepEqual([host.changes, host.logged], [0, []]);
  });
}

const BY_PROCFS = 'level=info msg="The connection table is read by procfs" collector=conntrack ' +
  'error="Cannot dump by netlink: operation not permitted (1)"';
const BY_NETLINK = 'level=info msg="The connection table is read by netlink" collector=conntrack';

Deno.test("read() takes procfs where netlink is refused, and says so before the first connection", async () => {
  using host = new Host();
  host.answer = { errno: EPERM };
  const changes: number[] = [];
  assert.equal(await host.read(() => changes.push(host.changes)), CONNECTIONS);
  assert.deepEqual(changes, new Array(CONNECTIONS).fill(1));
  assert.equal(host.roads.isNetlink, false);
  await host.read();
  assert.equal(host.changes, 1);
  assert.deepEqual(host.logged, [BY_PROCFS]);
});

Deno.test("read() takes netlink again when it is allowed again, and says so", async () => {
  using host = new Host();
  host.answer = { errno: EPERM };
  await host.read();
  host.answer = { bytes: DUMP };
  assert.equal(await host.read(), CONNECTIONS);
  assert.deepEqual([host.roads.isNetlink, host.changes], [true, 2]);
  assert.deepEqual(host.logged, [BY_PROCFS, BY_NETLINK]);
});

Deno.test("read() changes to a road on which there is no connection", async () => {
  using host = new Host();
  host.answer = { errno: EPERM };
  await host.read();
  host.answer = {};
  assert.equal(await host.read(), 0);
  assert.deepEqual([host.roads.isNetlink, host.changes], [true, 2]);
});

Deno.test("read() stays on its road when none is open", async () => {
  using host = new Host();
  await host.read();
  host.answer = { errno: EPERM };
  host.procfsError = new Deno.errors.NotFound("not found");
  await assert.rejects(host.read());
  assert.deepEqual([host.roads.isNetlink, host.changes, host.logged], [true, 0, []]);
});

Deno.test("read() takes no other road when it fails for another reason", async () => {
  using host = new Host();
  host.answer = { errno: ENOMEM };
  await assert.rejects(host.read(), { message: "Cannot dump by netlink: out of memory (12)" });
  assert.deepEqual([host.roads.isNetlink, host.changes, host.logged], [true, 0, []]);
});

const NOT_FOUND = new Deno.errors.NotFound("No such file or directory (os error 2)");
const DENIED = new Deno.errors.PermissionDenied("Permission denied (os error 13)");
const NOT_CAPABLE = new Deno.errors.NotCapable("Requires read access");
const CAPABILITY = "by netlink: not permitted (run as root or with the capability CAP_NET_ADMIN)";

interface Refused {
  readonly source: Source;
  readonly procfs?: string;
  readonly errno?: number;
  readonly procfsError?: Error;
  readonly advice: string;
}

const REFUSED: readonly Refused[] = [
  ...[EPERM, EACCES].map((errno): Refused => ({ source: "netlink", errno, advice: CAPABILITY })),
  {
    source: "netlink",
    errno: ENOENT,
    advice: "by netlink: Cannot dump by netlink: not there (kernel module not loaded?) (2) " +
      "(load the module: modprobe nf_conntrack_netlink)",
  },
  {
    source: "netlink",
    errno: EINVAL,
    advice: "by netlink: Cannot dump by netlink: invalid argument (22) " +
      "(load the module: modprobe nf_conntrack_netlink)",
  },
  ...[DENIED, NOT_CAPABLE].map((procfsError): Refused => ({
    source: "procfs",
    procfsError,
    advice: "by procfs: only root may read /proc/net/nf_conntrack",
  })),
  {
    source: "auto",
    procfs: "/host/proc",
    procfsError: DENIED,
    advice: "by procfs: only root may read /host/proc/net/nf_conntrack",
  },
  {
    source: "procfs",
    procfsError: NOT_FOUND,
    advice: "by procfs: /proc/net/nf_conntrack is not there " +
      "(modprobe nf_conntrack, or its kernel does not show it)",
  },
  {
    source: "auto",
    procfs: "/host/proc",
    procfsError: NOT_FOUND,
    advice: "by procfs: /host/proc/net/nf_conntrack is not there (is it a procfs?)",
  },
  {
    source: "auto",
    errno: EPERM,
    procfsError: DENIED,
    advice: `${CAPABILITY}; by procfs: only root may read /proc/net/nf_conntrack`,
  },
  {
    source: "auto",
    errno: EPROTONOSUPPORT,
    procfsError: NOT_FOUND,
    advice: "by netlink: Cannot dump by netlink: protocol not supported (kernel module not loaded?) (93) " +
      "(load the module: modprobe nf_conntrack_netlink); by procfs: /proc/net/nf_conntrack is not there " +
      "(modprobe nf_conntrack, or its kernel does not show it)",
  },
];

for (const { source, procfs, errno, procfsError, advice } of REFUSED) {
  const reasons = [errno, procfsError?.name].filter((reason) => reason !== undefined).join(" and ");
  const where = procfs ?? "/proc";
  Deno.test(`read() says what to do when ${source} is refused with ${reasons} in ${where}`, async () => {
    using host = new Host(source, procfs);
    if (errno !== undefined) host.answer = { errno };
    host.procfsError = procfsError;
    await assert.rejects(host.read(), { message: `Cannot read the connection table ${advice}` });
  });
}

Deno.test("isWhole is false when the last dump was interrupted, until one is not", async () => {
  using host = new Host();
  for (const interrupted of [false, true, true, false]) {
    host.answer = { bytes: DUMP, interrupted };
    await host.read();
    assert.equal(host.roads.isWhole, !interrupted);
  }
  assert.deepEqual(host.problems, ["dump_interrupted", "dump_interrupted"]);
});

Deno.test("isWhole is true of procfs, also after a dump that was interrupted", async () => {
  using host = new Host();
  host.answer = { bytes: DUMP, interrupted: true };
  await host.read();
  host.answer = { errno: EPERM };
  await host.read();
  assert.equal(host.roads.isWhole, true);
});
