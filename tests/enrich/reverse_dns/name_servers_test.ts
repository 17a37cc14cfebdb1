import assert from "node:assert/strict";
import { Ip } from "../../../core/ip.ts";
import { nodeOf, Problems } from "../../../core/node.ts";
import {
  type NameServer,
  nameServer,
  NameServers,
  systemServers,
} from "../../../enrich/reverse_dns/name_servers.ts";
import { testWith } from "../../helpers/skip.ts";
import { hasDnsmasq, startDnsmasq } from "./dnsmasq.ts";
import { FakeDns, NXDOMAIN, REFUSED, type Reply, SERVFAIL } from "./fake_dns.ts";

const GOOD: readonly { text: string; shown: string }[] = [
  { text: "127.0.0.1", shown: "127.0.0.1:53" },
  { text: "127.0.0.1:5353", shown: "127.0.0.1:5353" },
  { text: "::1", shown: "[::1]:53" },
  { text: "[2001:db8:0::1]:5353", shown: "[2001:db8::1]:5353" },
];

for (const { text, shown } of GOOD) {
  Deno.test(`nameServer takes ${text}`, () => {
    const problems = new Problems(), server = nameServer.read(nodeOf(text), problems);
    assert.deepEqual([problems.lines(), server && nameServer.show!(server)], [[], shown]);
  });
}

for (
  const text of ["localhost", "127.0.0.1:0", "127.0.0.1:65536", "[::1]", "[127.0.0.1]:53", "fe80::1%lo", ""]
) {
  Deno.test(`nameServer refuses ${JSON.stringify(text)}`, () => {
    const problems = new Problems();
    assert.equal(nameServer.read(nodeOf(text), problems), undefined);
    assert.deepEqual(problems.lines(), [
      `Expected an address such as 127.0.0.1, 127.0.0.1:5353 or [::1]:5353, not "${text}"`,
    ]);
  });
}

Deno.test("systemServers() gives the servers of resolv.conf in their order", () => {
  const text = "# nameserver 192.0.2.9\nsearch lan\nnameserver 192.0.2.1 # one\n nameserver 192.0.2.8\n" +
    "nameserver\t2001:db8::1\nnameserver fe80::1%eth0\nnameserver\noptions ndots:2\n";
  assert.deepEqual(systemServers(text).map(nameServer.show!), ["192.0.2.1:53", "[2001:db8::1]:53"]);
});

Deno.test("systemServers() gives the host itself when there is none", () => {
  assert.deepEqual(systemServers("search lan\n").map(nameServer.show!), ["127.0.0.1:53"]);
});

function asking(servers: readonly NameServer[], timeoutMs = 10_000): NameServers {
  return new NameServers({ servers, resolvConf: "/nonexistent", timeoutMs });
}

function nameOf(servers: NameServers, address: string): Promise<string | undefined> {
  return servers.nameOf(Ip.parse(address)!, new AbortController().signal);
}

testWith({
  name: "NameServers.nameOf() gives the names that dnsmasq knows",
  needs: hasDnsmasq,
  async fn() {
    await using dnsmasq = await startDnsmasq(
      "--ptr-record=5.113.0.203.in-addr.arpa,ptr.Example.net",
      "--host-record=six.example.org,2001:db8::5",
      "--local=/in-addr.arpa/",
    );
    const servers = asking([{ ipAddr: "127.0.0.1", port: dnsmasq.port }]);
    assert.equal(await nameOf(servers, "203.0.113.5"), "ptr.example.net");
    assert.equal(await nameOf(servers, "2001:db8::5"), "six.example.org");
    assert.equal(await nameOf(servers, "203.0.113.6"), undefined);
  },
});

const REPLIES: readonly { what: string; reply: Reply; name: string | undefined }[] = [
  { what: "no such name", reply: NXDOMAIN, name: undefined },
  { what: "no record of this type", reply: 0, name: undefined },
  { what: "a failure", reply: SERVFAIL, name: undefined },
  { what: "a refusal", reply: REFUSED, name: undefined },
  { what: "several names in any order", reply: ["b.example", "a.example", "c.example"], name: "a.example" },
  { what: "a name with control characters", reply: ["a\u001b[31m\nb.example"], name: undefined },
  { what: "a name that is not of ASCII", reply: ["\u00e4.example"], name: undefined },
  { what: "a name that can be shown among others", reply: ["a b.example", "c.example"], name: "c.example" },
];

for (const { what, reply, name } of REPLIES) {
  Deno.test(`NameServers.nameOf() gives ${name ?? "nothing"} when the answer is ${what}`, async () => {
    await using server = await FakeDns.start(() => reply);
    assert.equal(await nameOf(asking([server.address]), "192.0.2.1"), name);
    assert.deepEqual(server.questions, ["1.2.0.192.in-addr.arpa"]);
  });
}

Deno.test("NameServers.nameOf() throws when the server does not answer in time", async () => {
  await using server = await FakeDns.start(() => "silence");
  await assert.rejects(nameOf(asking([server.address], 100), "192.0.2.1"), {
    message: "The name server does not answer",
  });
});

Deno.test("NameServers.nameOf() asks the next server, and it first from then on", async () => {
  await using dead = await FakeDns.start(() => "silence");
  await using alive = await FakeDns.start(() => ["a.example"]);
  const servers = asking([dead.address, alive.address], 1000);
  assert.equal(await nameOf(servers, "192.0.2.1"), "a.example");
  assert.equal(await nameOf(servers, "192.0.2.2"), "a.example");
  assert.equal(dead.questions.includes("2.2.0.192.in-addr.arpa"), false);
});

Deno.test("NameServers.nameOf() ends when the signal is aborted", async () => {
  const stopping = new AbortController(), reason = new Error("Stopping");
  await using server = await FakeDns.start(() => {
    stopping.abort(reason);
    return "silence";
  });
  const servers = asking([server.address], 600_000);
  await assert.rejects(servers.nameOf(Ip.parse("192.0.2.1")!, stopping.signal), reason);
  await assert.rejects(servers.nameOf(Ip.parse("192.0.2.1")!, stopping.signal), reason);
});
