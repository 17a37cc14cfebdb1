import { Pcap } from "../native/pcap.ts";

const PACKETS_PER_PIECE = 256;

/**
 * Gives the packets of a file that pass the filter to `take`, one after the other. It yields for the first time when the
 * file is open.
 */
export async function* readPackets(
  path: string,
  { filter, take }: { readonly filter: string; readonly take: (pcap: Pcap) => void },
): AsyncGenerator<void> {
  const pcap = await Pcap.file(path, filter);
  try {
    for (let count = 0;; count++) {
      if (count % PACKETS_PER_PIECE === 0) yield;
      if (!pcap.next()) return;
      take(pcap);
    }
  } finally {
    await pcap.close();
  }
}
