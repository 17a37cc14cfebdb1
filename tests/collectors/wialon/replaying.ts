/** The whole collector, with its metrics, over a file of captured packets. */
import wialon from "../../../collectors/wialon/mod.ts";
import { drive } from "../../../core/work.ts";
import { DLT_EN10MB } from "../../../parsers/packet.ts";
import { Collecting, type CollectingOptions } from "../../helpers/collecting.ts";
import { type CapturedPacket, pcapFile } from "../../helpers/pcap_file.ts";
import { expositionOf, settle } from "../../helpers/pipelines.ts";
import { TempFile } from "../../helpers/temp_file.ts";

export interface Replayed {
  /** All metrics as text; the path of the file is FILE. */
  readonly exposition: string;
  /** By reason. */
  readonly problems: Readonly<Record<string, number>>;
  readonly logged: readonly string[];
}

export async function replay(
  packets: readonly CapturedPacket[],
  options: CollectingOptions = {},
): Promise<Replayed> {
  await using file = await TempFile.create(pcapFile(packets, DLT_EN10MB));
  using collecting = new Collecting(wialon, options);
  const { pipeline, source, logged, problems } = collecting;
  await drive(source.replay!(file.path));
  const told = { ...Object.fromEntries(problems) };
  await collecting.collect();
  settle(pipeline);
  for (const [reason, count] of problems) told[reason] = (told[reason] ?? 0) + count;
  const exposition = expositionOf(pipeline.rules).replaceAll(file.path, "FILE");
  return { exposition, problems: told, logged };
}
