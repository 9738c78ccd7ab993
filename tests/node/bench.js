// The real fs-job-store at the work of tests/benchmarks/peers.py: each line of standard input is a number of jobs to
// create, pull, fulfill and release, one after the other; answers with a JSON line of microseconds a job.
'use strict';
console.log = function () {}; // the package prints to it
const Store = require('fs-job-store');
const store = new Store({ dir: process.argv[2] });

function life(done) {
  store.create({ calculate: '3+3' }, function (failed) {
    if (failed) throw failed;
    store.pullJob(function (error, job) {
      if (error) throw error;
      store.fulfill(job.id, Buffer.from('6'), function (refused) {
        if (refused) throw refused;
        job.release(done);
      });
    });
  });
}

require('readline').createInterface({ input: process.stdin }).on('line', function (line) {
  const jobs = Number(line);
  const began = process.hrtime.bigint();
  let left = jobs;
  (function next() {
    if (left-- > 0) return life(next);
    const microseconds = Number(process.hrtime.bigint() - began) / 1000 / jobs;
    require('fs').writeSync(1, JSON.stringify({ microseconds: microseconds }) + '\n');
  })();
});
