// `fill URL JOBS`, `work URL`: pg-boss, whole batches at once and the next one fetched without a pause.
import { PgBoss } from "pg-boss";
import { jobsOf, started } from "./cue.mjs";

const [, , verb, url, path] = process.argv;
const boss = new PgBoss({ connectionString: url, max: 10, supervise: false, schedule: false });
boss.on("error", (error) => process.stderr.write(`${error.message}\n`));

async function fill() {
  await boss.start();
  await boss.createQueue("drain");
  const jobs = jobsOf(path).map((data) => ({ data }));
  for (let first = 0; first < jobs.length; first += 1000) await boss.insert("drain", jobs.slice(first, first + 1000));
  await boss.stop({ graceful: false });
}

async function work() {
  const tally = { done: 0 };
  await boss.start();
  await started(tally);
  const options = { batchSize: 250, localConcurrency: 4, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 };
  await boss.work("drain", options, async (jobs) => void (tally.done += jobs.length));
}

await { fill, work }[verb]();
if (verb === "fill") process.exit(0);
