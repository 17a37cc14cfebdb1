import { Pcap } from "../../native/pcap.ts";

/** Why packets cannot be read here, if they cannot. */
export async function hasLibpcap(): Promise<string | undefined> {
  try {
    await Pcap.file("/nowhere", "");
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    return message.includes("libpcap") ? message : undefined;
  }
}
