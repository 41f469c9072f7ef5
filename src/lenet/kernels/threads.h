// A pool of threads that shares out small units of work.
#pragma once

#include <atomic>
#include <functional>

namespace lenet {

// Runs work(unit, worker) for every unit from 0 to units - 1 on at most `threads` threads, the caller's
// among them; returns when all are done.  Units are handed out one by one in order, so a thread that is
// held up by another program holds up nobody else.  `worker` (0 to threads - 1) is for scratch memory; what
// is computed must not depend on it.  Work must not call run_units itself.
// Throws std::bad_alloc where a unit could not get its memory.
void run_units(int threads, long units, const std::function<void(long unit, int worker)> &work);

// While one lives, threads that wait do so awake for a short time before they sleep: what is to do comes soon.
class Awake {
   public:
    explicit Awake(bool wanted);
    ~Awake();
    Awake(const Awake &) = delete;
    Awake &operator=(const Awake &) = delete;

   private:
    std::atomic<int> *const lists_;  // that are under way; null: it was not wanted
};

// Memory of the calling thread that lives on, at least `count` floats, aligned to 64 bytes; contents are
// whatever the last user left.  `slot` (0 to 7) tells apart what one piece of work needs at the same time.
float *scratch(int slot, long count);

}  // namespace lenet
