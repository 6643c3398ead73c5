/* A CUDA driver without a GPU, for tests of the host side and for timing it.
 *
 * Device memory is host memory, copies are memcpy, kernels do nothing but count. Whatever a real
 * driver would refuse is refused: addresses and sizes outside of what was allocated, streams of
 * another context, use after a fork. Settings, read by cuInit:
 *
 *   FAKE_CUDA_DEVICES  how many GPUs there are (2)
 *   FAKE_CUDA_MEMORY   the bytes that each of them has (1 GiB)
 *   FAKE_CUDA_LAZY     1: what is queued in a stream waits until somebody waits for it
 *
 * The functions fake_* at the end tell what happened.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_DEVICES 8
#define DEPTH 64

enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700
};

typedef unsigned long long Address;
typedef struct Stream Stream;

typedef struct {
    long wanted, passed; /* how often it was recorded, and how often that was carried out */
    Stream *stream;
    struct timespec time;
} Event;

typedef struct Op { /* a copy, or if n is 0 a mark (stream) or a wait (no stream) for an event */
    struct Op *next;
    void *to;
    const void *from;
    size_t n;
    Event *event;
    long turn;
    int waits;
} Op;

struct Stream {
    Stream *next; /* of all that were made */
    int device, flags, priority;
    Op *first, *last;
};

typedef struct Block { /* device -1: page-locked host memory */
    struct Block *next;
    char *start;
    size_t size;
    int device;
} Block;

typedef struct {
    int device;
    size_t used;
    Stream defaults;
} Context;

static Context contexts[MOST_DEVICES];
static Block *blocks;
static Stream *streams;
static size_t capacity;
static int devices, lazy, initialized, forked;
static long launches, allocations, releases, waits;
static unsigned last_grid, last_block;
static void *last_stream;
static _Thread_local Context *stack[DEPTH];
static _Thread_local int depth;
static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

static int lock(void) { return pthread_mutex_lock(&mutex); }
static void unlock(int *held) { (void)held, pthread_mutex_unlock(&mutex); }
#define LOCKED __attribute__((cleanup(unlock))) int held = lock()
#define READY                                                                                      \
    if (forked || !initialized) return NOT_INITIALIZED;                                            \
    if (!depth || !stack[depth]) return INVALID_CONTEXT
#define API __attribute__((visibility("default"))) int

static void in_child(void) { forked = initialized; }
static Context *here(void) { return stack[depth]; }

static long setting(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text && *text ? atol(text) : otherwise;
}

/* ---- streams: what is queued, and carrying it out ---- */

static Stream *stream_of(void *handle) {
    return (uintptr_t)handle <= 2 ? &here()->defaults : (Stream *)handle;
}

static void drain_until(Event *event, long turn);

static void run_first(Stream *stream) {
    Op *op = stream->first;
    stream->first = op->next;
    if (!op->next) stream->last = NULL;
    if (op->n) {
        memmove(op->to, op->from, op->n);
    } else if (op->waits) {
        drain_until(op->event, op->turn);
    } else {
        op->event->passed = op->turn;
        clock_gettime(CLOCK_MONOTONIC, &op->event->time);
    }
    free(op);
}

static void drain(Stream *stream) {
    while (stream->first) run_first(stream);
}

static void drain_until(Event *event, long turn) {
    while (event->passed < turn && event->stream->first) run_first(event->stream);
}

static int queue(Stream *stream, Op wanted) {
    Op *op = malloc(sizeof *op);
    *op = wanted;
    if (stream->last) stream->last->next = op;
    else stream->first = op;
    stream->last = op;
    if (!lazy) drain(stream);
    return SUCCESS;
}

/* ---- memory ---- */

static Block *block_at(const void *address, size_t n) {
    for (Block *b = blocks; b; b = b->next)
        if ((const char *)address >= b->start && (const char *)address + n <= b->start + b->size)
            return b;
    return NULL;
}

static int take(void **result, size_t n, int device) {
    Block *block;
    if (!n) return INVALID_VALUE;
    if (device >= 0 && contexts[device].used + n > capacity) return OUT_OF_MEMORY;
    block = malloc(sizeof *block);
    *block = (Block){blocks, NULL, n, device};
    if (posix_memalign((void **)&block->start, 512, n)) return free(block), OUT_OF_MEMORY;
    if (device >= 0) contexts[device].used += n, allocations++;
    blocks = block;
    *result = block->start;
    return SUCCESS;
}

static int in_use(Block *block, Stream *stream) {
    for (Op *op = stream->first; op; op = op->next)
        if (op->n && (block_at(op->to, op->n) == block || block_at(op->from, op->n) == block))
            return 1;
    return 0;
}

/* A driver would wait for the whole GPU here; who frees what is in use has forgotten to. */
static int give(void *address) {
    for (Block **at = &blocks; *at; at = &(*at)->next) {
        Block *block = *at;
        if (block->start != address) continue;
        for (int d = 0; d < devices; d++)
            if (in_use(block, &contexts[d].defaults)) return ILLEGAL_ADDRESS;
        for (Stream *stream = streams; stream; stream = stream->next)
            if (in_use(block, stream)) return ILLEGAL_ADDRESS;
        if (block->device >= 0) contexts[block->device].used -= block->size, releases++;
        *at = block->next;
        memset(block->start, 0xDD, block->size < 4096 ? block->size : 4096); /* shows in use */
        free(block->start);
        free(block);
        return SUCCESS;
    }
    return INVALID_VALUE;
}

/* As the driver does: copies from and to pageable memory are done when the call returns. */
static int copy(void *to, const void *from, size_t n, void *handle, int from_host, int to_host) {
    LOCKED;
    READY;
    Stream *stream = stream_of(handle);
    Block *target = block_at(to, n), *source = block_at(from, n);
    if (!n) return SUCCESS;
    if (stream->device != here()->device) return INVALID_HANDLE;
    if ((!to_host && !target) || (!from_host && !source)) return INVALID_VALUE;
    queue(stream, (Op){.to = to, .from = from, .n = n});
    if (!target || !source) drain(stream);
    return SUCCESS;
}

API cuMemAlloc_v2(Address *result, size_t n) {
    LOCKED;
    READY;
    return take((void **)result, n, here()->device);
}
API cuMemFree_v2(Address address) {
    LOCKED;
    READY;
    return give((void *)address);
}
API cuMemHostAlloc(void **result, size_t n, unsigned flags) {
    LOCKED;
    READY;
    (void)flags;
    return take(result, n, -1);
}
API cuMemFreeHost(void *address) {
    LOCKED;
    if (forked || !initialized) return NOT_INITIALIZED;
    return give(address);
}
API cuMemGetInfo_v2(size_t *available, size_t *total) {
    LOCKED;
    READY;
    *total = capacity;
    *available = capacity - here()->used;
    return SUCCESS;
}
API cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t n, void *stream) {
    return copy((void *)to, from, n, stream, 1, 0);
}
API cuMemcpyDtoHAsync_v2(void *to, Address from, size_t n, void *stream) {
    return copy(to, (void *)from, n, stream, 0, 1);
}
API cuMemcpyAsync(Address to, Address from, size_t n, void *stream) {
    return copy((void *)to, (void *)from, n, stream, 1, 1);
}

enum { OF_MEMORY_TYPE = 2, OF_MANAGED = 8, OF_DEVICE = 9 };

API cuPointerGetAttribute(void *data, int attribute, Address address) {
    LOCKED;
    READY;
    Block *block = block_at((void *)address, 1);
    int known = block && block->device >= 0;
    if (!block) return INVALID_VALUE;
    switch (attribute) {
    case OF_MEMORY_TYPE: *(unsigned *)data = known ? 2 : 1; break;
    case OF_MANAGED: *(int *)data = 0; break;
    case OF_DEVICE: *(int *)data = known ? block->device : 0; break;
    default: return INVALID_VALUE;
    }
    return SUCCESS;
}
API cuPointerGetAttributes(unsigned n, int *attributes, void **data, Address address) {
    int status = SUCCESS;
    for (unsigned i = 0; i < n; i++)
        if (cuPointerGetAttribute(data[i], attributes[i], address) == NOT_INITIALIZED)
            status = NOT_INITIALIZED;
    return status;
}

/* ---- devices and contexts ---- */

API cuInit(unsigned flags) {
    LOCKED;
    (void)flags;
    if (forked) return NOT_INITIALIZED;
    if (initialized) return SUCCESS;
    devices = (int)setting("FAKE_CUDA_DEVICES", 2);
    capacity = (size_t)setting("FAKE_CUDA_MEMORY", 1L << 30);
    lazy = (int)setting("FAKE_CUDA_LAZY", 0);
    if (devices < 1) return NO_DEVICE;
    for (int d = 0; d < MOST_DEVICES; d++) contexts[d].device = contexts[d].defaults.device = d;
    pthread_atfork(NULL, NULL, in_child);
    initialized = 1;
    return SUCCESS;
}
API cuDriverGetVersion(int *version) { return *version = 13040, SUCCESS; }
API cuDeviceGetCount(int *n) { return *n = devices, forked ? NOT_INITIALIZED : SUCCESS; }
API cuDeviceGet(int *device, int ordinal) {
    *device = ordinal;
    return ordinal < 0 || ordinal >= devices ? INVALID_DEVICE : SUCCESS;
}
API cuDeviceGetName(char *name, int n, int device) {
    return snprintf(name, (size_t)n, "Fake GPU %d", device), SUCCESS;
}
API cuDeviceGetUuid_v2(char *uuid, int device) { return memset(uuid, 'a' + device, 16), SUCCESS; }
API cuDeviceTotalMem_v2(size_t *bytes, int device) {
    return (void)device, *bytes = capacity, SUCCESS;
}
/* By CUdevice_attribute: threads a block, shared memory, warp, clock, processors, capability ... */
API cuDeviceGetAttribute(int *value, int attribute, int device) {
    static const int known[][2] = {
        {1, 1024},  {2, 1024}, {3, 64},   {4, 64},    {5, 2147483647}, {6, 65535}, {7, 65535},
        {8, 49152}, {10, 32},  {12, 65536}, {13, 1980000}, {16, 132},  {33, 0},    {39, 2048},
        {50, 0},    {75, 9},   {76, 0},   {0, 0},
    };
    (void)device;
    *value = 1;
    for (int i = 0; known[i][0]; i++)
        if (known[i][0] == attribute) *value = known[i][1];
    return SUCCESS;
}
API cuDevicePrimaryCtxRetain(void **context, int device) {
    if (forked || !initialized) return NOT_INITIALIZED;
    return *context = &contexts[device], SUCCESS;
}
API cuDevicePrimaryCtxRelease_v2(int device) { return (void)device, SUCCESS; }
API cuCtxSetCurrent(void *context) {
    if (forked || !initialized) return NOT_INITIALIZED;
    if (!depth) depth = 1;
    stack[depth] = context;
    return SUCCESS;
}
API cuCtxGetCurrent(void **context) {
    if (forked || !initialized) return NOT_INITIALIZED;
    return *context = here(), SUCCESS;
}
API cuCtxGetDevice(int *device) {
    READY;
    return *device = here()->device, SUCCESS;
}
API cuCtxGetStreamPriorityRange(int *least, int *greatest) {
    return *least = 0, *greatest = -5, SUCCESS;
}
API cuCtxSynchronize(void) {
    LOCKED;
    READY;
    waits++;
    drain(&here()->defaults);
    for (Stream *each = streams; each; each = each->next)
        if (each->device == here()->device) drain(each);
    return SUCCESS;
}

/* ---- streams and events ---- */

API cuStreamCreateWithPriority(void **stream, unsigned flags, int priority) {
    LOCKED;
    READY;
    Stream *s = calloc(1, sizeof *s);
    *s = (Stream){streams, here()->device, (int)flags, priority, NULL, NULL};
    return *stream = streams = s, SUCCESS;
}
API cuStreamDestroy_v2(void *stream) {
    LOCKED;
    if (forked) return NOT_INITIALIZED;
    drain(stream_of(stream)); /* and it stays, for events that were recorded in it */
    return SUCCESS;
}
API cuStreamSynchronize(void *stream) {
    LOCKED;
    READY;
    waits++;
    drain(stream_of(stream));
    return SUCCESS;
}
API cuStreamQuery(void *stream) {
    LOCKED;
    READY;
    return stream_of(stream)->first ? NOT_READY : SUCCESS;
}
API cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
    LOCKED;
    READY;
    (void)flags;
    Event *e = event;
    return queue(stream_of(stream), (Op){.event = e, .turn = e->wanted, .waits = 1});
}
API cuStreamGetCtx(void *stream, void **context) {
    READY;
    return *context = &contexts[stream_of(stream)->device], SUCCESS;
}
API cuStreamGetPriority(void *stream, int *priority) {
    READY;
    return *priority = stream_of(stream)->priority, SUCCESS;
}

API cuEventCreate(void **event, unsigned flags) {
    READY;
    (void)flags;
    return *event = calloc(1, sizeof(Event)), SUCCESS;
}
API cuEventRecord(void *event, void *stream) {
    LOCKED;
    READY;
    Event *e = event;
    Stream *s = stream_of(stream);
    if (s->device != here()->device) return INVALID_HANDLE;
    e->stream = s;
    return queue(s, (Op){.event = e, .turn = ++e->wanted});
}
API cuEventQuery(void *event) {
    LOCKED;
    READY;
    return ((Event *)event)->passed < ((Event *)event)->wanted ? NOT_READY : SUCCESS;
}
API cuEventSynchronize(void *event) {
    LOCKED;
    READY;
    waits++;
    drain_until(event, ((Event *)event)->wanted);
    return SUCCESS;
}
API cuEventDestroy_v2(void *event) { /* it stays: a stream may still have to set it */
    return (void)event, forked ? NOT_INITIALIZED : SUCCESS;
}
API cuEventElapsedTime_v2(float *milliseconds, void *start, void *end) {
    Event *a = start, *b = end;
    if (!a->wanted || !b->wanted) return INVALID_HANDLE;
    if (a->passed < a->wanted || b->passed < b->wanted) return NOT_READY;
    *milliseconds = (float)((double)(b->time.tv_sec - a->time.tv_sec) * 1e3 +
                            (double)(b->time.tv_nsec - a->time.tv_nsec) * 1e-6);
    return SUCCESS;
}

/* ---- kernels: a library is a cubin, and a kernel in it a name ---- */

API cuLibraryLoadData(void **library, const void *code, void *a, void *b, unsigned c, void *d,
                      void *e, unsigned f) {
    (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
    if (forked || !initialized) return NOT_INITIALIZED;
    if (memcmp(code, "\x7f" "ELF", 4)) return INVALID_IMAGE;
    return *library = malloc(1), SUCCESS;
}
API cuLibraryUnload(void *library) { return free(library), SUCCESS; }
API cuLibraryGetKernel(void **kernel, void *library, const char *name) {
    return (void)library, *kernel = strdup(name), SUCCESS;
}

typedef struct { /* CUlaunchConfig */
    unsigned grid[3], block[3], shared;
    void *stream, *attributes;
    unsigned n;
} Config;

API cuLaunchKernelEx(const Config *config, void *kernel, void **parameters, void **extra) {
    unsigned grid = config->grid[0] * config->grid[1] * config->grid[2];
    unsigned threads = config->block[0] * config->block[1] * config->block[2];
    READY;
    if (!kernel || extra || !parameters) return INVALID_VALUE;
    if (!grid || !threads || threads > 1024 || config->shared > 49152) return INVALID_VALUE;
    if (stream_of(config->stream)->device != here()->device) return INVALID_HANDLE;
    __atomic_fetch_add(&launches, 1, __ATOMIC_RELAXED);
    last_grid = grid, last_block = threads, last_stream = config->stream;
    return SUCCESS;
}

/* ---- errors ---- */

static const struct {
    int code;
    const char *name, *text;
} errors[] = {
    {SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
};

static int described(int code, const char **name, const char **text) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == code) {
            if (name) *name = errors[i].name;
            if (text) *text = errors[i].text;
            return SUCCESS;
        }
    return INVALID_VALUE;
}
API cuGetErrorName(int code, const char **name) { return described(code, name, NULL); }
API cuGetErrorString(int code, const char **text) { return described(code, NULL, text); }

/* ---- where the functions are ---- */

API cuGetProcAddress_v2(const char *name, void **function, int version, unsigned long long flags,
                        int *status) {
    char second[256];
    Dl_info own;
    (void)flags;
    dladdr((void *)described, &own);
    void *library = dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    snprintf(second, sizeof second, "%s_v2", name);
    *function = dlsym(library, second);
    if (!*function) *function = dlsym(library, name);
    dlclose(library);
    if (status) *status = *function ? 0 : 1;
    if (!*function && getenv("FAKE_CUDA_LOG")) fprintf(stderr, "no %s of %d\n", name, version);
    return *function ? SUCCESS : NOT_FOUND;
}

/* ---- what happened ---- */

#define TELL(what, type) \
    __attribute__((visibility("default"))) type fake_##what(void) { return what; }
TELL(launches, long)
TELL(allocations, long)
TELL(releases, long)
TELL(waits, long)
TELL(last_grid, unsigned)
TELL(last_block, unsigned)
TELL(last_stream, void *)
