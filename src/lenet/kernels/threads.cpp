// The pool: threads sleep on a condition variable while there is nothing to do.
//
// Waking takes long, on virtual machines hundreds of microseconds.  So within a list of calls threads stay awake
// for a moment first; for longer, it would lose everything on a busy machine, where a thread that spins keeps
// the one it waits for from its core.
#include "threads.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace lenet {
namespace {

#if defined(__x86_64__)
inline void pause() { __builtin_ia32_pause(); }
#else
inline void pause() { std::this_thread::yield(); }
#endif

using Work = std::function<void(long, int)>;

// One call of run_units.  Workers hold it by shared_ptr: one that wakes late finds the units gone, and
// touches `work` no more.
struct Batch {
    const Work *work;
    long units;
    int threads;
    std::atomic<long> next{0};
    std::atomic<long> done{0};
    std::atomic<int> joined{1};  // the caller is worker 0
    std::atomic<bool> starved{false};  // a unit got no memory

    Batch(const Work &w, long u, int t) : work(&w), units(u), threads(t) {}
};

class Pool {
   public:
    explicit Pool(pid_t owner) : owner_(owner) {}

    pid_t owner() const { return owner_; }

    bool try_run(int threads, long units, const Work &work) {
        std::unique_lock<std::mutex> only(busy_, std::try_to_lock);
        if (!only.owns_lock()) return false;  // another thread of the program uses the pool
        grow(threads - 1);
        auto batch = std::make_shared<Batch>(work, units, threads);
        {
            std::lock_guard<std::mutex> lock(mutex_);
            batch_ = batch;
            number_.fetch_add(1, std::memory_order_release);
        }
        // no more threads are woken than there are units for
        const long helpers = std::min<long>(threads - 1, units - 1);
        if (helpers >= static_cast<long>(size_)) wake_.notify_all();
        else
            for (long i = 0; i < helpers; ++i) wake_.notify_one();
        take(*batch, 0);
        const auto all_done = [&] { return batch->done.load(std::memory_order_acquire) >= units; };
        if (!comes_soon(all_done)) {
            std::unique_lock<std::mutex> lock(mutex_);
            finished_.wait(lock, all_done);
        }
        if (batch->starved) throw std::bad_alloc();
        return true;
    }

    std::atomic<int> *lists() { return &lists_; }

   private:
    // Waits for a moment, while lists of calls are under way; whether it came true.
    template <typename Condition>
    bool comes_soon(const Condition &condition) {
        constexpr auto kMoment = std::chrono::microseconds(100);
        if (condition()) return true;
        for (const auto end = std::chrono::steady_clock::now() + kMoment; lists_.load(std::memory_order_relaxed);) {
            for (int i = 0; i < 32; ++i) {
                pause();
                if (condition()) return true;
            }
            if (std::chrono::steady_clock::now() > end) return false;
        }
        return false;
    }

    void take(Batch &batch, int worker) {
        long taken = 0;
        for (long unit; (unit = batch.next.fetch_add(1, std::memory_order_relaxed)) < batch.units; ++taken) {
            try {
                (*batch.work)(unit, worker);
            } catch (const std::bad_alloc &) {
                batch.starved = true;
            }
        }
        if (!taken || batch.done.fetch_add(taken, std::memory_order_acq_rel) + taken < batch.units) return;
        if (worker) {  // the caller finds out by itself
            std::lock_guard<std::mutex> lock(mutex_);
            finished_.notify_one();
        }
    }

    void serve() {
        unsigned long seen = 0;
        for (;;) {
            std::shared_ptr<Batch> batch;
            const auto something_new = [&] { return number_.load(std::memory_order_acquire) != seen; };
            comes_soon(something_new);
            {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, something_new);
                seen = number_.load(std::memory_order_relaxed);
                batch = batch_;
            }
            const int worker = batch->joined.fetch_add(1, std::memory_order_relaxed);
            if (worker < batch->threads) take(*batch, worker);
        }
    }

    void grow(int wanted) {
        for (; size_ < wanted; ++size_) {
            try {
                std::thread([this] { serve(); }).detach();
            } catch (const std::system_error &) {
                return;  // fewer threads do the same work
            }
        }
    }

    const pid_t owner_;
    int size_ = 0;
    std::mutex busy_, mutex_;
    std::condition_variable wake_, finished_;
    std::shared_ptr<Batch> batch_;
    std::atomic<unsigned long> number_{0};
    std::atomic<int> lists_{0};  // of calls, under way
};

std::atomic<Pool *> current{nullptr};

// The pool of this process.  A fork copies the pool but none of its threads, and maybe a locked mutex: the
// child makes a pool of its own and leaves the copy alone.  Pools are never destroyed, because detached
// threads wait in them when the program ends.
Pool &pool() {
    const pid_t here = getpid();
    Pool *found = current.load(std::memory_order_acquire);
    while (!found || found->owner() != here) {
        Pool *made = new Pool(here);
        if (current.compare_exchange_strong(found, made)) return *made;
        delete made;
    }
    return *found;
}

struct Scratch {
    float *memory[8] = {};
    long counts[8] = {};

    ~Scratch() {
        for (float *each : memory) std::free(each);
    }
};

thread_local Scratch mine;

}  // namespace

void run_units(int threads, long units, const Work &work) {
    if (threads > 1 && units > 1 && pool().try_run(threads, units, work)) return;
    for (long unit = 0; unit < units; ++unit) work(unit, 0);
}

Awake::Awake(bool wanted) : lists_(wanted ? pool().lists() : nullptr) {
    if (lists_) lists_->fetch_add(1, std::memory_order_relaxed);
}

Awake::~Awake() {
    if (lists_) lists_->fetch_sub(1, std::memory_order_relaxed);
}

float *scratch(int slot, long count) {
    if (mine.counts[slot] < count) {
        std::free(mine.memory[slot]);
        const long bytes = (count * static_cast<long>(sizeof(float)) + 127) / 64 * 64;
        mine.memory[slot] = static_cast<float *>(std::aligned_alloc(64, bytes));
        mine.counts[slot] = mine.memory[slot] ? count : 0;
        if (!mine.memory[slot]) throw std::bad_alloc();
    }
    return mine.memory[slot];
}

}  // namespace lenet
