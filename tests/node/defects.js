// What the real fs-job-store 1.2.0 does wrong, shown by running it: one command line, JSON lines of what happened.
// Nothing is caught here that a user's program would not catch, so what kills the process kills it.
'use strict';
const fs = require('fs');
const say = function (what) { fs.writeSync(1, JSON.stringify(what) + '\n'); };
console.log = function () {}; // the package prints to it
const Store = require('fs-job-store');
const [, , command, dir, argument] = process.argv;

const told = [];
let names = 0;
const counting = Object.assign({}, fs, {
  readdir(path, done) { fs.readdir(path, function (error, found) { names += found ? found.length : 0; done(error, found); }); },
});
const store = new Store({
  dir: dir,
  fs: counting,
  respond(target, fulfillment, done) { told.push(target); done(null); },
});
const began = Date.now();
const message = function (error) { return error ? error.code || error.message : null; };
const seconds = function () { return (Date.now() - began) / 1000; };
setInterval(function () {}, 1000); // a worker goes on living; its locks go when it exits

const commands = {
  pull() { // as many pulls as the argument says, in the order of names; nothing is released
    Math.random = function () { return 0.999999; };
    let left = Number(argument);
    (function next() {
      if (left-- <= 0) return say({ end: true });
      store.pullJob(function (error, job) {
        say({ pulled: job ? job.id : null, error: message(error), seconds: seconds() });
        next();
      });
    })();
  },
  names() { // as many pulls as the argument says, each released: how many names were read
    let left = Number(argument);
    (function next() {
      if (left-- <= 0) return say({ end: true, names: names });
      store.pullJob(function (error, job) { job.release(next); });
    })();
  },
  look() { // pull one notification
    store.pullNotification(function (error, note) {
      say({ looked: note ? note.id : null, error: message(error), waiting: note && note.waiting });
    });
  },
  flush() { // argument: the id of a fulfilled job
    store.flush(argument, function (error) { say({ flushed: argument, error: message(error), told: told }); });
  },
  unqueue() { // argument: ID:TARGET
    const [id, target] = argument.split(':');
    store.unqueue(id, target, function (error) { say({ unqueued: id, error: message(error), seconds: seconds() }); });
  },
  done() { // pull one notification, and end it when told to
    store.pullNotification(function (error, note) {
      say({ looked: note ? note.id : null, error: message(error), waiting: note && note.waiting });
      process.stdin.once('data', function () {
        note.done(null, note.waiting, function (failure) { say({ done: note.id, error: message(failure) }); });
      });
    });
  },
  release() { // without a callback, as its README says
    store.pullJob(function (error, job) {
      say({ pulled: job.id });
      job.release();
    });
  },
  number() { // argument: the id of a job; fulfill it with what is neither Buffer nor text
    say({ giving: argument });
    store.fulfill(argument, 3, function (error) { say({ fulfilled: argument, error: message(error) }); });
  },
  create() { // one job
    store.create({ type: 'node' }, function (error, job) { say({ created: job ? job.id : null, error: message(error) }); });
  },
};
commands[command]();
