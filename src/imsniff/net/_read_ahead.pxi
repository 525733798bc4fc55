# The read-ahead thread: part of `_gate.pyx`. The thread that goes ahead: it reads the next batch of a capture file and sifts it, while
# the stages above are at work on the one before. It takes the interpreter's lock only for what is rare: to get it from a
# thread that is at work takes longer than all that the read-ahead thread has to do.
#
#     begin     a batch that ends where to read on, and the file       the read-ahead thread is at work
#     wait      the batch, which ends where the reading did, sifted    it rests

cdef extern from *:
    """
    #ifdef _MSC_VER
    #include <io.h>
    #else
    #include <unistd.h>
    #endif
    """
    Py_ssize_t read(int file, void *into, size_t size) nogil


cdef class ReadAhead:
    """A context, in which the thread runs. All is called by one other thread, `begin` and `wait` by turns."""

    cdef Ignored flows
    cdef Prefilter sieve
    cdef PyThread_type_lock asked, done  # released where there is work, and where it is done
    cdef object thread, batch, failed
    cdef PacketWalk course
    cdef PrefilteredBatch left
    cdef unsigned char[::1] slab
    cdef size_t filled
    cdef int file, trouble
    cdef bint over

    def __cinit__(self, Ignored flows):
        self.asked, self.done = PyThread_allocate_lock(), PyThread_allocate_lock()
        if self.asked is NULL or self.done is NULL:
            raise MemoryError("there is no lock to be had")
        PyThread_acquire_lock(self.asked, NOWAIT_LOCK)
        PyThread_acquire_lock(self.done, NOWAIT_LOCK)
        self.flows, self.sieve = flows, Prefilter(flows.table)

    def __dealloc__(self):
        if self.asked is not NULL:
            PyThread_free_lock(self.asked)
        if self.done is not NULL:
            PyThread_free_lock(self.done)

    def __enter__(self):
        self.flows.shared = True
        self.thread = Thread(target=self._run, name="imsniff read_ahead", daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self._await()
        self.over = True
        PyThread_release_lock(self.asked)
        self.thread.join()
        self.flows.settle()
        self.flows.shared = False

    def begin(self, batch, int file):
        """Read on behind the batch's end, as far as its slab goes, and sift what is there then."""
        self.flows.settle()
        self.batch, self.slab, self.file, self.filled = batch, batch.slab, file, batch.end
        self.course, self.left, self.trouble = walk_of(batch), self.sieve.next(batch), 0
        PyThread_release_lock(self.asked)

    def wait(self):
        """The batch, sifted: it ends where the reading did. And what the system said where it could not be read on."""
        self._await()
        batch, self.batch = self.batch, None
        if self.failed is not None:
            raise self.failed
        batch.end = self.filled
        self.sieve.finish(self.course, self.left, batch)
        return batch, strerror(self.trouble) if self.trouble else ""

    cdef int _await(self) except -1:
        """Until the read-ahead thread rests."""
        if self.batch is not None and not PyThread_acquire_lock(self.done, NOWAIT_LOCK):
            with nogil:
                PyThread_acquire_lock(self.done, WAIT_LOCK)
        return 0

    def _run(self):
        while not self.over:
            try:
                with nogil:
                    self.work()
            except BaseException as why:  # for the other thread to raise
                self.failed = why
                PyThread_release_lock(self.done)

    cdef int work(self) except -1 nogil:
        while True:
            PyThread_acquire_lock(self.asked, WAIT_LOCK)
            if self.over:
                return 0
            self.fill()
            self.course.end = self.filled
            self.sieve.sift(self.course, self.left)
            PyThread_release_lock(self.done)

    cdef int fill(self) except -1 nogil:
        """The slab, as far as the file goes."""
        cdef Py_ssize_t got
        while self.filled < <size_t>self.slab.shape[0]:
            got = read(self.file, &self.slab[self.filled], self.slab.shape[0] - self.filled)
            if got > 0:
                self.filled += got
            elif got == 0 or errno != EINTR:
                self.trouble = errno if got else 0
                break
        return 0
