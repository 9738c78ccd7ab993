// The real fs-job-store at work on a store that others change too: every call and every return in a JSON line with its
// time (CLOCK_MONOTONIC, in seconds), for tests/interop/history.py to judge. Its counterpart is tests/interop/actor.py.
'use strict';
const fs = require('fs');
const path = require('path');
console.log = function () {}; // the package prints to it
const Store = require('fs-job-store');
const [, , name, dir] = process.argv;
const store = new Store({ dir: dir });
const say = function (what) { fs.writeSync(1, JSON.stringify(what) + '\n'); };
const now = function () { const [s, ns] = process.hrtime(); return s + ns / 1e9; };
const pick = function (from) { return from[Math.floor(Math.random() * from.length)]; };
const pause = function (next) { setTimeout(next, Math.random() * 30); };
let count = 0;

function op(what, start, then) { // start(callback); then(result) where it went well, and on with the next in any case
  const number = ++count;
  say(Object.assign({ call: number, t: now() }, what));
  start(function (error, result) {
    say({ ret: number, t: now(), error: error ? error.code || error.message : null, result: result });
    if (error) return pause(next);
    then(result);
  });
}

function work() {
  let job;
  op({ op: 'pull' }, function (done) {
    store.pullJob(function (error, found) {
      job = found;
      done(error, found && { id: found.id, version: found.version });
    });
  }, function () {
    setTimeout(function () {
      const value = name + '-' + count;
      op({ op: 'fulfill', id: job.id, value: value }, function (done) {
        store.fulfill(job.id, Buffer.from(value), function (error) { job.release(function () {}); done(error); });
      }, function () { pause(next); });
    }, Math.random() * 20);
  });
}

function tell() {
  let note;
  op({ op: 'notice' }, function (done) {
    store.pullNotification(function (error, found) {
      note = found;
      done(error, found && { id: found.id, waiting: found.waiting, value: found.value.toString() });
    });
  }, function () {
    if (!note) return pause(next);
    op({ op: 'done', id: note.id, targets: note.waiting }, function (done) { note.done(null, note.waiting, done); },
      function () { pause(next); });
  });
}

function change() {
  const ids = fs.readdirSync(path.join(dir, 'jobs')).filter(function (id) { return !/^\.|\.lock$/.test(id); });
  if (!ids.length) return pause(next);
  const id = pick(ids);
  const target = name + '-' + count;
  if (Math.random() < 0.7) {
    op({ op: 'queue', id: id, target: target }, function (done) { store.queue(id, target, done); }, function () { pause(next); });
  } else {
    op({ op: 'update', id: id, version: 0, request: target },
      function (done) { store.update(id, 0, target, done); }, function () { pause(next); });
  }
}

function create() {
  const request = name + '-' + count;
  op({ op: 'create', request: request }, function (done) {
    store.create(request, function (error, job) { done(error, job && { id: job.id }); });
  }, function () { pause(next); });
}

// telling is rare, for the locks that pullNotification leaks cost fifteen seconds each
function next() { Math.random() < 0.04 ? tell() : pick([work, work, work, change, change, create])(); }
process.on('uncaughtException', function (error) { say({ uncaught: error.message }); pause(next); });
next();
