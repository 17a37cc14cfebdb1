import assert from "node:assert/strict";
import { SystemError } from "../../native/libc.ts";
import { NetlinkSocket } from "../../native/netlink.ts";
import { inetDiagRequest } from "../../parsers/inet_diag.ts";
import { linkRequest } from "../../parsers/rtnetlink.ts";

// include/uapi/linux/netlink.h
const NETLINK_ROUTE = 0, NETLINK_SOCK_DIAG = 4;
const LISTENERS = inetDiagRequest({ family: "ipv4", protocol: 6, states: 1 << 10, info: false });

function withSocket<T>(family: number, body: (socket: NetlinkSocket) => T): T {
  const socket = new NetlinkSocket(family);
  try {
    return body(socket);
  } finally {
    socket.close();
  }
}

function countOf(socket: NetlinkSocket, request: Uint8Array<ArrayBuffer>): number {
  let count = 0;
  for (const _ of socket.dump(request)) while (socket.messages.next()) count++;
  return count;
}

function withListeners<T>(count: number, body: () => T): T {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  try {
    return body();
  } finally {
    for (const listener of listeners) listener.close();
  }
}

Deno.test("dump() gives the messages of an answer", () => {
  assert(withSocket(NETLINK_ROUTE, (socket) => countOf(socket, linkRequest())) >= 1);
});

Deno.test("dump() gives an answer of many parts whole", () => {
  withListeners(1000, () => {
    assert(withSocket(NETLINK_SOCK_DIAG, (socket) => countOf(socket, LISTENERS)) >= 1000);
  });
});

Deno.test("dump() may be called again when an answer is read", () => {
  withSocket(NETLINK_ROUTE, (socket) => {
    assert.equal(countOf(socket, linkRequest()), countOf(socket, linkRequest()));
  });
});

Deno.test("dump() may be called again when an answer was given up", () => {
  withListeners(1000, () =>
    withSocket(NETLINK_SOCK_DIAG, (socket) => {
      for (const _ of socket.dump(LISTENERS)) break;
      assert(countOf(socket, LISTENERS) >= 1000);
    }));
});

Deno.test("dump() may be called again when the reader of an answer threw", () => {
  withListeners(1000, () =>
    withSocket(NETLINK_SOCK_DIAG, (socket) => {
      assert.throws(() => {
        for (const _ of socket.dump(LISTENERS)) throw new Error("broken");
      });
      assert(countOf(socket, LISTENERS) >= 1000);
    }));
});

Deno.test("dump() throws when the kernel knows no such request", () => {
  const request = linkRequest();
  new DataView(request.buffer).setUint16(4, 0xff, true);
  withSocket(NETLINK_ROUTE, (socket) => {
    assert.throws(
      () => countOf(socket, request),
      (error) => error instanceof SystemError && error.code === 95,
    );
  });
});

Deno.test("dump() throws when the kernel ends the answer with an error", () => {
  // A protocol that has no inet_diag, as UDP where its module is not there.
  const request = inetDiagRequest({ family: "ipv4", protocol: 99, states: 0x1ffe, info: false });
  withSocket(NETLINK_SOCK_DIAG, (socket) => {
    assert.throws(
      () => countOf(socket, request),
      (error) => error instanceof SystemError && error.code === 2,
    );
  });
});

Deno.test("NetlinkSocket throws when the kernel knows no such family", () => {
  assert.throws(() => new NetlinkSocket(999), (error) => error instanceof SystemError && error.code === 93);
});
