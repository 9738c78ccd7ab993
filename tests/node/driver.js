// The real fs-job-store, driven from a test: one command line, one JSON line for each thing that happened.
'use strict';
const path = require('path');
console.log = function () {}; // the package prints to it
const Store = require('fs-job-store');
const [, , command, dir, argument] = process.argv;
const store = new Store({ dir: dir });
function say(what) { require('fs').writeSync(1, JSON.stringify(what) + '\n'); }

const commands = {
  create() { // create as many jobs as the argument says
    let left = Number(argument);
    (function next() {
      if (left-- <= 0) return say({ end: true });
      store.create({ type: 'node', n: left }, function (error, job) {
        say({ created: job && job.id, error: error && error.message });
        next();
      });
    })();
  },
  work() { // pull, fulfill, release, until told to end
    (function next() {
      store.pullJob(function (error, job) {
        if (error || !job) return setTimeout(next, 100);
        say({ pulled: job.id });
        job.oncompromised = function () { say({ compromised: job.id }); };
        setTimeout(function () {
          store.fulfill(job.id, Buffer.from('node:' + job.id), function (failure) {
            say({ fulfilled: job.id, error: failure ? failure.message : null });
            job.release(function () { setImmediate(next); });
          });
        }, Math.random() * 20);
      });
    })();
  },
  hold() { // pull one job as soon as there is one, keep it, and do with it what standard input says
    (function next() {
      store.pullJob(function (error, job) {
        if (error || !job) return setTimeout(next, 100);
        job.oncompromised = function () { say({ compromised: job.id }); };
        say({ pulled: job.id, request: job.request });
        require('readline').createInterface({ input: process.stdin }).on('line', function (line) {
          const [order, value] = line.split(' ');
          const done = function (failure) {
            say({ [order]: job.id, error: failure ? failure.code || failure.message : null });
          };
          if (order === 'fulfill') store.fulfill(job.id, Buffer.from(value), done);
          if (order === 'release') job.release(done);
        });
      });
    })();
  },
  queue() { // argument: ID:TARGET
    const [id, target] = argument.split(':');
    store.queue(id, target, function (error) { say({ queued: id, error: error && error.message }); });
  },
  notify() { // pull one notification and tell all its targets
    store.pullNotification(function (error, note) {
      if (error || !note) return say({ error: String(error && error.message) });
      say({ id: note.id, value: note.value.toString(), waiting: note.waiting });
      note.done(null, note.waiting, function () { say({ done: note.id }); });
    });
  },
  update() { // argument: ID
    store.update(argument, 0, { type: 'updated' }, function (error) { say({ updated: argument, error: error && error.message }); });
  },
};
process.on('uncaughtException', function (error) { say({ uncaught: error.message }); });
commands[command]();
