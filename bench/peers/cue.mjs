// How a peer's process talks to the bench: `ready`, then it waits for `go`, then it tells how many jobs it has done.
import { readFileSync } from "node:fs";
import { once } from "node:events";

const EVERY_MS = 20;

export const jobsOf = (path) => JSON.parse(readFileSync(path, "utf8"));

export async function started(tally) {
  process.stdout.write("ready\n");
  await once(process.stdin, "data");
  process.stdin.on("end", () => process.exit(0));
  let told = 0;
  setInterval(() => {
    if (tally.done !== told) process.stdout.write(`${(told = tally.done)}\n`);
  }, EVERY_MS);
}
