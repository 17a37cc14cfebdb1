/// <reference lib="deno.worker" />
/** A thread that checks passwords, since a check takes a tenth of a second. */
import { compareSync } from "bcryptjs";

export interface Check {
  readonly password: string;
  readonly hash: string;
}

/** What the thread is told: to check a password, or to end. */
export type Order = Check | "end";

/** Answers one after the other whether the password is that of the hash. */
self.onmessage = ({ data }: MessageEvent<Order>) => {
  if (data === "end") self.close();
  else self.postMessage(compareSync(data.password, data.hash));
};
