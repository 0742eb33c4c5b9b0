// `fill URL JOBS`, `work URL`: graphile-worker, with the settings of its performance page.
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import { jobsOf, started } from "./cue.mjs";

const [, , verb, url, path] = process.argv;
const logger = new Logger(() => () => {});

async function fill() {
  const utils = await makeWorkerUtils({ connectionString: url, logger });
  await utils.migrate();
  const jobs = jobsOf(path).map((payload) => ({ identifier: "drain", payload }));
  for (let first = 0; first < jobs.length; first += 1000) await utils.addJobs(jobs.slice(first, first + 1000));
  await utils.release();
}

async function work() {
  const tally = { done: 0 };
  await started(tally);
  const runner = await run({
    preset: {
      worker: {
        connectionString: url,
        concurrentJobs: 24,
        maxPoolSize: 25,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        logger,
      },
    },
    taskList: { drain: () => void tally.done++ },
    noHandleSignals: true,
  });
  await runner.promise;
}

await { fill, work }[verb]();
