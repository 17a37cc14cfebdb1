/**
 * Records what netlink answers in a namespace with known addresses and sockets, and what `ss` and `ip` say of them.
 * As root: `deno run --allow-all tests/helpers/record_netlink.ts`
 */
import { inetDiagRequest } from "../../parsers/inet_diag.ts";
import { addressRequest, linkRequest } from "../../parsers/rtnetlink.ts";
import { SocketsNamespace } from "../collectors/sockets_namespace.ts";

// include/uapi/linux/netlink.h
const NETLINK_ROUTE = 0, NETLINK_SOCK_DIAG = 4;
const ALL_STATES = 0x1ffe;

const REQUESTS: Record<string, { family: number; request: Uint8Array }> = {
  links: { family: NETLINK_ROUTE, request: linkRequest() },
  addresses: { family: NETLINK_ROUTE, request: addressRequest() },
};
for (const [protocol, number] of [["tcp", 6], ["udp", 17]] as const) {
  for (const family of ["ipv4", "ipv6"] as const) {
    REQUESTS[`${protocol}_${family}`] = {
      family: NETLINK_SOCK_DIAG,
      request: inetDiagRequest({ family, protocol: number, states: ALL_STATES, info: protocol === "tcp" }),
    };
  }
}

const FOLDER = new URL("../testdata/netlink/", import.meta.url);

await using host = await SocketsNamespace.create();
await host.open();
for (const [name, { family, request }] of Object.entries(REQUESTS)) {
  const answer = await host.host.ask(`dump ${family} ${request.toHex()}`);
  await Deno.writeFile(new URL(`${name}.bin`, FOLDER), Uint8Array.fromHex(JSON.parse(answer)));
}
await Deno.writeTextFile(new URL("ss.txt", FOLDER), await host.ssText());
await Deno.writeTextFile(new URL("ip_addr.json", FOLDER), await host.namespace.ip("-json addr"));
