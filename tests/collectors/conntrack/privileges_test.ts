import assert from "node:assert/strict";
import { canTrack, ConntrackNamespace } from "../../helpers/conntrack_namespace.ts";
import { testWith } from "../../helpers/skip.ts";

const HOST = new URL("privileges_host.ts", import.meta.url);
const NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"];
const WITHOUT_CAPABILITIES = ["--bounding-set=-all", "--inh-caps=-all"];

interface Told {
  readonly connections?: number;
  readonly error?: string;
  readonly logged: readonly string[];
  readonly events: boolean;
}

/** Why nobody else can run our programs here, if so. */
async function canBeNobody(): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command("setpriv", {
      args: [...NOBODY, Deno.execPath(), "eval", `Deno.statSync(${JSON.stringify(HOST.pathname)})`],
      env: { DENO_NO_UPDATE_CHECK: "1" },
    }).output();
    if (!success) return new TextDecoder().decode(stderr);
  } catch (error) {
    return (error as Error).message;
  }
  return await canTrack();
}

/** What the collector tells, in a namespace with two connections, of a process with these privileges. */
async function toldWith(privileges: readonly string[]): Promise<Told> {
  const cache = Deno.makeTempDirSync();
  try {
    Deno.chmodSync(cache, 0o777);
    await using conntrack = await ConntrackNamespace.create();
    await conntrack.flows.sendUdp({ count: 2 });
    const surroundings = [`DENO_DIR=${cache}`, "DENO_NO_UPDATE_CHECK=1", "NO_COLOR=1"];
    const deno = [Deno.execPath(), "run", "--quiet", "--no-lock", "--allow-all", HOST.pathname];
    const args = [...privileges, "env", ...surroundings, ...deno];
    return JSON.parse(await conntrack.namespace.run("setpriv", args));
  } finally {
    Deno.removeSync(cache, { recursive: true });
  }
}

const NO_EVENTS = 'level=debug msg="Connections that end are not heard of" collector=conntrack ' +
  'error="Cannot hear netlink events: operation not permitted (1)"';

testWith({
  name: "Who may read the connection table by netlink reads it, and hears of ends",
  needs: canBeNobody,
  fn: async () => assert.deepEqual(await toldWith([]), { connections: 2, logged: [], events: true }),
});

testWith({
  name: "Who may not ask by netlink reads the connection table from procfs, and hears of no ends",
  needs: canBeNobody,
  fn: async () =>
    assert.deepEqual(await toldWith(WITHOUT_CAPABILITIES), {
      connections: 2,
      logged: [
        'level=info msg="The connection table is read by procfs" collector=conntrack ' +
        'error="Cannot dump by netlink: operation not permitted (1)"',
        NO_EVENTS,
      ],
      events: false,
    }),
});

testWith({
  name: "Who may read the connection table on no road is told what each of them needs",
  needs: canBeNobody,
  fn: async () =>
    assert.deepEqual(await toldWith(NOBODY), {
      error: "Cannot read the connection table by netlink: not permitted " +
        "(run as root or with the capability CAP_NET_ADMIN); " +
        "by procfs: only root may read /proc/net/nf_conntrack",
      logged: [NO_EVENTS],
      events: false,
    }),
});
