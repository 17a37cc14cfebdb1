import { Ip } from "../core/ip.ts";
import { dumpRequest, NetlinkAttributes, type NetlinkMessages } from "./netlink.ts";

// include/uapi/linux/rtnetlink.h, if_addr.h, if_link.h
const RTM_NEWLINK = 16, RTM_GETLINK = 18;
const RTM_NEWADDR = 20, RTM_GETADDR = 22;
/** struct ifinfomsg, struct ifaddrmsg */
const LINK = 16, ADDRESS = 8;
const IFLA_IFNAME = 3, IFLA_EXT_MASK = 29, RTEXT_FILTER_SKIP_STATS = 8;
const IFA_ADDRESS = 1, IFA_LOCAL = 2;

const DECODER = new TextDecoder();

export function linkRequest(): Uint8Array<ArrayBuffer> {
  const { bytes, view } = dumpRequest(RTM_GETLINK, LINK + 8);
  view.setUint16(32, 8, true);
  view.setUint16(34, IFLA_EXT_MASK, true);
  view.setUint32(36, RTEXT_FILTER_SKIP_STATS, true);
  return bytes;
}

export function addressRequest(): Uint8Array<ArrayBuffer> {
  return dumpRequest(RTM_GETADDR, ADDRESS).bytes;
}

/** Adds the names of the links in the buffer to those already known, by interface index. */
export function readLinks(messages: NetlinkMessages, names: Map<number, string>): void {
  const attributes = new NetlinkAttributes(messages.view);
  while (messages.next()) {
    if (messages.type !== RTM_NEWLINK || messages.stop - messages.start < LINK) continue;
    const index = messages.view.getInt32(messages.start + 4, true);
    attributes.begin(messages.start + LINK, messages.stop);
    while (attributes.next()) {
      if (attributes.type !== IFLA_IFNAME) continue;
      const name = messages.bytes.subarray(attributes.start, attributes.stop);
      const end = name.indexOf(0);
      names.set(index, DECODER.decode(end < 0 ? name : name.subarray(0, end)));
    }
  }
}

/** Gives the local addresses in the buffer, each with its interface index. */
export function readAddresses(messages: NetlinkMessages): { ip: Ip; index: number }[] {
  const attributes = new NetlinkAttributes(messages.view);
  const addresses: { ip: Ip; index: number }[] = [];
  while (messages.next()) {
    if (messages.type !== RTM_NEWADDR || messages.stop - messages.start < ADDRESS) continue;
    const index = messages.view.getUint32(messages.start + 4, true);
    let local: Ip | undefined, address: Ip | undefined;
    attributes.begin(messages.start + ADDRESS, messages.stop);
    while (attributes.next()) {
      if (attributes.type === IFA_LOCAL) local = ipIn(attributes, messages.bytes);
      if (attributes.type === IFA_ADDRESS) address = ipIn(attributes, messages.bytes);
    }
    // On a point-to-point link IFA_ADDRESS is the peer's, and IFA_LOCAL our own; IPv6 has often no IFA_LOCAL.
    const ip = local ?? address;
    if (ip !== undefined) addresses.push({ ip, index });
  }
  return addresses;
}

function ipIn({ start, stop, view }: NetlinkAttributes, bytes: Uint8Array): Ip | undefined {
  if (stop - start === 4) return Ip.v4(view.getUint32(start));
  return stop - start === 16 ? Ip.v6(bytes, start) : undefined;
}
