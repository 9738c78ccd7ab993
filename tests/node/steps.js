// One operation of the real fs-job-store 1.2.0, so that its calls and what it leaves can be compared with a model.
'use strict';
console.log = function () {}; // the package prints to it
const Store = require('fs-job-store');
const [, , operation, dir, id] = process.argv;
const store = new Store({ dir: dir, respond(target, told, done) { done(null); } });
function end(error) { if (error) process.stderr.write((error.code || error.message) + '\n'); }

const operations = {
  create() { store.create({ type: 'é', n: [1, null] }, end); },
  queue() { store.queue(id, { mail: 'a' }, end); },
  update() { store.update(id, 0, { type: 'new' }, end); },
  fulfill() { store.fulfill(id, Buffer.from('value'), end); },
  pull() {
    store.pullJob(function (error, job) {
      if (error) return end(error);
      job.release(end);
    });
  },
  notify() {
    store.pullNotification(function (error, note) {
      if (error || !note) return end(error || new Error('nothing to tell'));
      note.done(null, note.waiting, end);
    });
  },
};
operations[operation]();
