# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A page's numbers, compiled: what layout.py and the groups of features.py work out with numpy, each in one pass.

Every function has a pure twin that gives the same to the last bit (tests/test_compiled.py). Logarithms are left to
numpy here, too, many at once: its own differ from the C library's in the last bit on some processors.
"""

import os

import numpy as np

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from classifier import chars as _chars

cdef uint64_t _FACTOR = int.from_bytes(os.urandom(8), "little") | 1
"""Secret, lest a page be written whose keys all meet in one place."""

cdef Py_ssize_t _DIGIT = _chars.DIGIT, _UPPER = _chars.UPPER, _STOP = _chars.STOP, _COMMA = _chars.COMMA
cdef Py_ssize_t _CJK = _chars.CJK

cdef enum:
    STATS = 10  # as Basics.stats has them
    RATIOS = 12  # as features.CONTAINER_NAMES has them
    LOGS = 4  # of these ratios are logarithms
    TEMPLATE_LEVELS = 6


cdef inline float _at_least_1(float value) noexcept:
    return value if value > 1 else 1


cdef inline float _at_most(float value, float most) noexcept:
    return value if value < most else most


cdef class _Keys:
    """Numbers pairs of 64 bits, in order of appearance."""

    cdef uint64_t* known
    cdef int* slots
    cdef uint64_t mask
    cdef int count

    def __cinit__(self, Py_ssize_t most):
        cdef uint64_t size = 16
        while size < 2 * <uint64_t> most:
            size *= 2
        self.mask = size - 1
        self.slots = <int*> calloc(size, sizeof(int))
        self.known = <uint64_t*> malloc(2 * max(most, 1) * sizeof(uint64_t))
        if self.slots is NULL or self.known is NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.slots)
        free(self.known)

    cdef int number(self, uint64_t first, uint64_t second) noexcept:
        cdef uint64_t slot = (first ^ second * <uint64_t> 0x1E3779B97F4A7C15) * _FACTOR
        cdef int at
        slot = (slot ^ slot >> 32) & self.mask
        while self.slots[slot]:
            at = self.slots[slot] - 1
            if self.known[2 * at] == first and self.known[2 * at + 1] == second:
                return at
            slot = (slot + 1) & self.mask
        self.known[2 * self.count], self.known[2 * self.count + 1] = first, second
        self.count += 1
        self.slots[slot] = self.count
        return self.count - 1


# -- layout -----------------------------------------------------------------------------------------------------


cpdef tuple basics(
    const int64_t[:, ::1] counts, const int64_t[::1] word_counts, const int[::1] link_chars, const int64_t[::1] boxes,
    float cjk_less, float sentence_words, float sentence_links, float nearly_all, int64_t headings, int64_t paragraph,
):
    """What ``layout.count_basics`` returns."""
    cdef Py_ssize_t m = len(word_counts), classes = counts.shape[1], b, k
    cdef int64_t total
    cdef double linked
    chars, sizes, densities = np.empty(m, np.float32), np.empty(m, np.float32), np.empty(m, np.float32)
    char_counts, stats = np.empty((m, classes), np.float32), np.empty((m, STATS), np.float32)
    sentences, heads = np.empty(m, np.bool_), np.empty(m, np.bool_)
    cdef float[::1] char_of = chars, size_of = sizes, density_of = densities
    cdef float[:, ::1] count_of = char_counts, stat_of = stats
    cdef unsigned char[::1] is_sentence = sentences.view(np.uint8), is_heading = heads.view(np.uint8)
    for b in range(m):
        total = 0
        for k in range(classes):
            total += counts[b, k]
            count_of[b, k] = <float> counts[b, k]
        char_of[b] = <float> total
        size_of[b] = <float> (<double> word_counts[b] - <double> (count_of[b, _CJK] * cjk_less))
        linked = <double> link_chars[b] / <double> _at_least_1(char_of[b])
        density_of[b] = <float> (linked if linked < 1 else 1)
        is_sentence[b] = size_of[b] >= sentence_words and counts[b, _STOP] > 0 and density_of[b] < sentence_links
        is_heading[b] = 0 < boxes[b] <= headings
        stat_of[b, 0] = char_of[b]
        stat_of[b, 1] = _at_most(<float> link_chars[b], char_of[b])
        stat_of[b, 2] = size_of[b]
        stat_of[b, 3] = 1
        stat_of[b, 4] = size_of[b] if is_sentence[b] else 0
        stat_of[b, 5] = is_sentence[b]
        stat_of[b, 6] = boxes[b] == paragraph
        stat_of[b, 7] = is_heading[b]
        stat_of[b, 8] = count_of[b, _COMMA] + count_of[b, _STOP]
        stat_of[b, 9] = density_of[b] > nearly_all
    return chars, char_counts, sizes, densities, sentences, heads, stats, running_sums(stats)


cpdef object running_sums(const float[:, ::1] values):
    """What ``layout.running_sums`` returns."""
    cdef Py_ssize_t m = len(values), width = values.shape[1], b, k
    found = np.empty((m + 1, width))
    cdef double[:, ::1] upto = found
    for k in range(width):
        upto[0, k] = 0
    for b in range(m):
        for k in range(width):
            upto[b + 1, k] = upto[b, k] + values[b, k]
    return found


cpdef object tag_numbers(list tags, const int[::1] elements, dict numbers):
    """What ``layout.tag_numbers`` returns."""
    cdef Py_ssize_t b
    found = np.empty(len(elements), np.int64)
    cdef int64_t[::1] number_of = found
    for b in range(len(elements)):
        number = numbers.get(tags[elements[b]])
        number_of[b] = -1 if number is None else <int64_t> number
    return found


cpdef tuple chains(const int[::1] parents, const int[::1] elements, Py_ssize_t most):
    """Levels, depths and elements around blocks of ``Layout``."""
    cdef Py_ssize_t m = len(elements), b, level, top = 0
    cdef int element
    depths, around = np.zeros(m, np.int64), np.zeros(len(parents), np.bool_)
    cdef int64_t[::1] depth_of = depths
    cdef unsigned char[::1] is_around = around.view(np.uint8)
    for b in range(m):
        element = elements[b]
        while element:
            depth_of[b] += 1
            element = parents[element]
        top = max(top, depth_of[b])
    levels = np.zeros((min(top + 1, most), m), np.int32)
    cdef int[:, ::1] at = levels
    is_around[0] = True
    for b in range(m):
        element = elements[b]
        for level in range(len(levels) - 1):  # the last one stays at the root
            at[level, b] = element
            is_around[element] = True
            element = parents[element]
    return levels, depths, around


cpdef tuple number_looks(list tags, list names, some):
    """The index and the looks of ``Layout``."""
    cdef Py_ssize_t at
    cdef dict index = {}
    cdef tuple pair
    cdef const unsigned char[::1] held = some.view(np.uint8)
    looks = np.zeros(len(tags), np.int64)
    cdef int64_t[::1] look_of = looks
    for at in range(len(tags)):
        if held[at]:
            pair = (tags[at], names[at])
            if pair[0] or pair[1]:
                look_of[at] = index.setdefault(pair, len(index) + 1)
    return index, looks


cpdef object twins(const int[::1] parents, const int64_t[::1] looks):
    """``Layout.twins``."""
    cdef Py_ssize_t n = len(parents), at
    cdef _Keys keys = _Keys(n)
    found = np.empty(n, np.int64)
    cdef int64_t[::1] twins_of = found
    cdef int[::1] number_of = np.empty(n, np.int32), counts = np.zeros(n, np.int32)
    for at in range(n):
        number_of[at] = keys.number(<uint64_t> parents[at], <uint64_t> looks[at])
        counts[number_of[at]] += 1
    for at in range(n):
        twins_of[at] = counts[number_of[at]]
    return found


cpdef object signatures(const int64_t[::1] looks, const int[:, ::1] levels):
    """``Layout.signatures``."""
    cdef Py_ssize_t m = levels.shape[1], top = len(levels) - 1, b, level
    cdef uint64_t key
    cdef _Keys keys = _Keys(m)
    found = np.empty(m, np.int64)
    cdef int64_t[::1] number_of = found
    for b in range(m):
        key = 0
        for level in range(TEMPLATE_LEVELS):
            key = key * 1_000_003 + <uint64_t> looks[levels[min(level, top), b]]
        number_of[b] = keys.number(key, 0)
    return found


cpdef tuple repeats(list texts):
    """``Layout.repeats``."""
    cdef Py_ssize_t m = len(texts), b
    cdef dict numbers = {}
    times, before = np.empty(m, np.float32), np.empty(m, np.float32)
    cdef float[::1] times_of = times, before_of = before
    cdef Py_ssize_t[::1] number_of = np.empty(m, np.intp), counts = np.zeros(m, np.intp)
    for b in range(m):
        number_of[b] = numbers.setdefault(texts[b], len(numbers))
        before_of[b] = <float> counts[number_of[b]]
        counts[number_of[b]] += 1
    for b in range(m):
        times_of[b] = <float> counts[number_of[b]]
    return times, before


cpdef tuple surroundings(
    const int[::1] first, const int[::1] last, const int[:, ::1] chains, headings, tuple levels, tuple reaches
):
    """Starts, ends, headings and neighbours of ``network.Surroundings``."""
    cdef Py_ssize_t m = chains.shape[1], top = len(chains) - 1, held = len(levels), ranges = held + 1 + len(reaches)
    cdef Py_ssize_t b, r, above = -1
    cdef int element
    cdef const unsigned char[::1] is_heading = headings.view(np.uint8)
    cdef int64_t[::1] level_of = np.array(levels, np.int64), reach_of = np.array(reaches, np.int64)
    starts, ends = np.empty((m, ranges), np.int64), np.empty((m, ranges), np.int64)
    heading, before = np.empty(m, np.int64), np.empty(m, np.int64)
    cdef int64_t[:, ::1] start_of = starts, end_of = ends
    cdef int64_t[::1] heading_of = heading, before_of = before
    for b in range(m):
        for r in range(held):
            element = chains[min(level_of[r], top), b]
            start_of[b, r] = first[element]
            end_of[b, r] = max(last[element], first[element] + 1)
        start_of[b, held], end_of[b, held] = 0, m
        for r in range(held + 1, ranges):
            start_of[b, r] = max(b - reach_of[r - held - 1], 0)
            end_of[b, r] = min(b + reach_of[r - held - 1] + 1, m)
        if is_heading[b]:
            above = b
        heading_of[b] = above
        before_of[b] = max(b - 1, 0)
    return starts, ends, heading, before


# -- features ---------------------------------------------------------------------------------------------------


cpdef object own_text(x):
    """The values of ``features.own_text``."""
    told, basics, (times, earlier) = x.told, x.basics, x.repeats
    cdef const float[::1] chars = basics.chars, size = basics.size, density = basics.link_density
    cdef const float[:, ::1] counts = basics.char_counts
    cdef const float[::1] repeated = times, before = earlier
    cdef const unsigned char[::1] sentence = basics.sentences.view(np.uint8), hidden = x.page.hidden.view(np.uint8)
    cdef const int64_t[::1] glued = told.glued, addresses = told.addresses, breaks = told.breaks
    cdef const int64_t[::1] head = told.first, tail = told.last, ending = told.ending
    cdef const unsigned char[::1] dotted = told.dotted.view(np.uint8)
    cdef const int[::1] links = x.page.link_counts
    cdef Py_ssize_t m = len(chars), classes = counts.shape[1], b, k
    cdef float some, spoken
    cdef float* row
    cdef Py_UCS4 end
    values, logarithms = np.empty((m, 25 + classes), np.float32), np.empty((5, m), np.float32)
    cdef float[:, ::1] out = values, logs = logarithms
    for b in range(m):
        logs[0, b], logs[1, b], logs[2, b] = chars[b], size[b], <float> breaks[b]
        logs[3, b], logs[4, b] = <float> links[b], repeated[b]
    np.log1p(logarithms, logarithms)
    for b in range(m):
        some, spoken = _at_least_1(chars[b]), _at_least_1(size[b])
        row = &out[b, 0]
        row[0], row[1] = logs[0, b], logs[1, b]
        row[2] = _at_most(some / spoken, 20)
        for k in range(classes):
            row[3 + k] = counts[b, k] / some
        row += 3 + classes
        row[0] = _at_most(counts[b, _STOP] / spoken, 2)
        row[1] = _at_most(counts[b, _COMMA] / spoken, 2)
        row[2] = _at_most(counts[b, _UPPER] / spoken, 3)
        row[3] = _at_most(counts[b, _DIGIT] / spoken, 4)
        row[4] = tail[b] == _STOP
        row[5] = tail[b] == _COMMA
        row[6] = head[b] == _UPPER
        row[7] = head[b] == _DIGIT
        end = <Py_UCS4> ending[b]
        row[8] = dotted[b] or end == u"…"
        row[9] = end == u":" or end == u"："
        row[10] = end == u"?" or end == u"？"
        row[11] = <float> (<double> glued[b] / <double> spoken)
        row[12] = addresses[b] > 0
        row[13] = logs[2, b]
        row[14] = density[b]
        row[15] = density[b] > <float> 0.95
        row[16] = logs[3, b]
        row[17] = <float> min(<double> links[b] / <double> spoken, 2.0)
        row[18] = sentence[b]
        row[19] = hidden[b]
        row[20] = logs[4, b]
        row[21] = before[b] > 0
    return values


cpdef object phrases(
    const float[:, ::1] hits, const float[::1] size, const int[::1] starts, const int[::1] ends, unfilled,
    const float[::1] stop_words,
):
    """The values of ``features.phrases``; around each block, the phrases from ``starts`` to ``ends`` are near it."""
    cdef Py_ssize_t m = len(hits), kinds = hits.shape[1], b, k
    cdef const unsigned char[::1] placeholder = unfilled.view(np.uint8)
    cdef double[:, ::1] upto = running_sums(hits)
    values, logarithms = np.empty((m, 3 * kinds + 2), np.float32), np.empty((m, kinds), np.float32)
    cdef float[:, ::1] out = values, logs = logarithms
    for b in range(m):
        for k in range(kinds):
            logs[b, k] = <float> (upto[ends[b], k] - upto[starts[b], k]) - hits[b, k]
    np.log1p(logarithms, logarithms)
    for b in range(m):
        for k in range(kinds):
            out[b, k] = _at_most(hits[b, k], 3)
            out[b, kinds + k] = hits[b, k] / (size[b] if size[b] > 3 else 3)
            out[b, 2 * kinds + k] = logs[b, k]
        out[b, 3 * kinds] = placeholder[b]
        out[b, 3 * kinds + 1] = stop_words[b]
    return values


cpdef object look_bits(
    const int64_t[::1] numbers, const int64_t[::1] counts, const int64_t[::1] bits, leading,
    const int64_t[::1] pairs, const int64_t[::1] pair_bits,
):
    """(looks) what ``features.look_bits`` works out for each look."""
    cdef Py_ssize_t look, at = 0, end = 0, low, high, middle, count = len(pair_bits)
    cdef int64_t pair
    cdef const unsigned char[::1] leads = leading.view(np.uint8)
    found = np.zeros(len(counts), np.int64)
    cdef int64_t[::1] bits_of = found
    for look in range(len(counts)):
        end += counts[look]
        while at < end:
            bits_of[look] |= bits[numbers[at]]
            if leads[numbers[at]] and at + 1 < end:
                pair = numbers[at] * 65_536 + numbers[at + 1]
                low, high = 0, count
                while low < high:
                    middle = (low + high) >> 1
                    if pairs[middle] < pair:
                        low = middle + 1
                    else:
                        high = middle
                if low < count and pairs[low] == pair:
                    bits_of[look] |= pair_bits[low]
            at += 1
    return found


cpdef object declared_texts(
    const int64_t[::1] where, const int64_t[::1] places, const int64_t[::1] counts,
    Py_ssize_t title, Py_ssize_t description,
):
    """The values of ``features.declared_texts``; of each different word, 1 if it stands in the title, 2 more if in the
    description; the words of these two."""
    cdef Py_ssize_t m = len(counts), b, k, at = 0, end = 0
    cdef int64_t[2] shared
    cdef Py_ssize_t[2] whole
    values = np.empty((m, 4), np.float32)
    cdef float[:, ::1] out = values
    whole[0], whole[1] = title, description
    for b in range(m):
        end += counts[b]
        shared[0], shared[1] = 0, 0
        while at < end:
            shared[0] += where[places[at]] & 1
            shared[1] += where[places[at]] >> 1
            at += 1
        for k in range(2):
            out[b, 2 * k] = <float> (<double> shared[k] / <double> max(counts[b], 1))
            out[b, 2 * k + 1] = _at_most(<float> shared[k] / <float> max(whole[k], 1), 1)
    return values


cpdef tuple tags_and_names(
    const int64_t[::1] bits, const int[::1] elements, const int[::1] leaves, const int[:, ::1] levels,
    const int64_t[::1] boxes, const int64_t[::1] inner, Py_ssize_t looks, Py_ssize_t box_tags, Py_ssize_t leaf_tags,
):
    """Values and rows of ``features.tags_and_names``."""
    cdef Py_ssize_t m = len(elements), b, level, bit, part, count = 0
    cdef _Keys bit_pairs = _Keys(m), keys = _Keys(m)
    cdef int[::1] origin = np.empty(m, np.int32)
    cdef int64_t[:, ::1] held = np.empty((m, 2), np.int64)
    cdef uint64_t tags
    rows = np.empty(m, np.int64)
    cdef int64_t[::1] row_of = rows
    for b in range(m):
        held[b, 0] = bits[elements[b]] | bits[leaves[b]]
        held[b, 1] = held[b, 0]
        for level in range(len(levels)):
            held[b, 1] |= bits[levels[level, b]]
        tags = <uint64_t> ((boxes[b] + 1) << 32 | (inner[b] + 1))
        row_of[b] = keys.number(<uint64_t> bit_pairs.number(<uint64_t> held[b, 0], <uint64_t> held[b, 1]), tags)
        if row_of[b] == count:
            origin[count] = <int> b
            count += 1
    found = np.zeros((count, 2 * looks + box_tags + leaf_tags), np.float32)
    cdef float[:, ::1] flags = found
    for level in range(count):
        b = origin[level]
        for part in range(2):
            for bit in range(looks):
                flags[level, part * looks + bit] = <float> (held[b, part] >> bit & 1)
        if boxes[b] >= 0:
            flags[level, 2 * looks + boxes[b]] = 1
        if inner[b] >= 0:
            flags[level, 2 * looks + box_tags + inner[b]] = 1
    return found, rows


cpdef object position(x, int64_t h1):
    """The values of ``features.position``; ``h1`` is the number of that tag."""
    basics = x.basics
    cdef const float[::1] size = basics.size
    cdef const unsigned char[::1] sentence = basics.sentences.view(np.uint8), heading = basics.headings.view(np.uint8)
    cdef const int64_t[::1] boxes = x.box_numbers, depths = x.depths
    cdef Py_ssize_t m = len(size), b, first_h1 = -1, last_sentence = -1, above = -1
    cdef double words = 0, running = 0, total
    values, logarithms = np.empty((m, 15), np.float32), np.empty((9, m), np.float32)
    cdef float[:, ::1] out = values, logs = logarithms
    cdef double[::1] words_before = np.empty(m), running_before = np.empty(m)
    for b in range(m):
        words_before[b], running_before[b] = words, running
        words += size[b]
        running += size[b] if sentence[b] else 0
        if first_h1 < 0 and boxes[b] == h1:
            first_h1 = b
    total = running if running > 1 else 1
    words = words if words > 1 else 1
    for b in range(m):
        if heading[b]:
            above = b
        if sentence[b]:
            last_sentence = b
        logs[0, b], logs[1, b] = <float> b, <float> (m - b)
        logs[2, b] = <float> running_before[b]
        logs[3, b] = <float> (total - running_before[b] - (size[b] if sentence[b] else 0))
        logs[4, b] = <float> (b - above if above >= 0 else m)
        logs[5, b] = <float> (words_before[b] - (words_before[above] if above >= 0 else 0))
        logs[6, b] = <float> abs(b - first_h1)
        logs[7, b] = <float> (b - last_sentence)
    last_sentence = m
    for b in range(m - 1, -1, -1):
        if sentence[b]:
            last_sentence = b
        logs[8, b] = <float> (last_sentence - b)
    np.log1p(logarithms, logarithms)
    for b in range(m):
        out[b, 0] = <float> (<double> b / <double> m)
        out[b, 1], out[b, 2] = logs[0, b], logs[1, b]
        out[b, 3] = <float> (words_before[b] / words)
        out[b, 4] = <float> (running_before[b] / total)
        out[b, 5], out[b, 6] = logs[2, b], logs[3, b]
        out[b, 7] = <float> depths[b]
        out[b, 8], out[b, 9] = logs[4, b], logs[5, b]
        out[b, 10] = first_h1 >= 0
        out[b, 11] = first_h1 >= 0 and b >= first_h1
        out[b, 12] = 0
        if first_h1 >= 0 and b != first_h1:
            out[b, 12] = logs[6, b] if b > first_h1 else -logs[6, b]
        out[b, 13], out[b, 14] = logs[7, b], logs[8, b]
    return values


cdef void _gather(const double* low, const double* high, float* sums) noexcept:
    cdef Py_ssize_t k
    for k in range(STATS):
        sums[k] = <float> (high[k] - low[k])


cdef void _to_be_logged(const float* sums, float* logs) noexcept:
    logs[0] = sums[0]
    logs[1] = sums[3]
    logs[2] = sums[2] / _at_least_1(sums[3])
    logs[3] = sums[4]


cdef void _described(const float* sums, const float* total, const float* logs, float* out) noexcept:
    """What ``features._describe`` makes of one row."""
    cdef float some = _at_least_1(sums[3]), spoken = _at_least_1(sums[2])
    out[0] = logs[0]
    out[1] = sums[1] / _at_least_1(sums[0])
    out[2], out[3] = logs[1], logs[2]
    out[4] = sums[4] / spoken
    out[5] = sums[4] / _at_least_1(total[4])
    out[6] = sums[2] / _at_least_1(total[2])
    out[7] = sums[6] / some
    out[8] = sums[7] / some
    out[9] = sums[8] / spoken
    out[10] = sums[9] / some
    out[11] = logs[3]


cpdef object describe(const float[:, ::1] sums, const float[::1] total):
    """What ``features._describe`` returns."""
    cdef Py_ssize_t r
    logarithms, values = np.empty((len(sums), LOGS), np.float32), np.empty((len(sums), RATIOS), np.float32)
    cdef float[:, ::1] logs = logarithms, described = values
    for r in range(len(sums)):
        _to_be_logged(&sums[r, 0], &logs[r, 0])
    np.log1p(logarithms, logarithms)
    for r in range(len(sums)):
        _described(&sums[r, 0], &total[0], &logs[r, 0], &described[r, 0])
    return values


cpdef object containers(x, tuple at_levels):
    """The values of ``features.containers``."""
    cdef const double[:, ::1] upto = x.basics.upto
    cdef const int[::1] first = x.page.first, last = x.page.last
    cdef const int[:, ::1] chains = x.chains.T
    cdef Py_ssize_t m = chains.shape[1], top = len(chains) - 1, wanted = len(at_levels), b, r, count = 0
    cdef int[::1] place_of = np.full(len(first), -1, np.int32)
    cdef int element
    cdef int64_t[::1] level_of = np.minimum(at_levels, top).astype(np.int64)
    cdef int[:, ::1] places = np.empty((m, wanted), np.int32)
    cdef float[:, ::1] sums = np.empty((min(m * wanted, len(first)), STATS), np.float32)
    for b in range(m):
        for r in range(wanted):
            element = chains[level_of[r], b]
            if place_of[element] < 0:
                place_of[element] = <int> count
                _gather(&upto[first[element], 0], &upto[last[element], 0], &sums[count, 0])
                count += 1
            places[b, r] = place_of[element]
    cdef float[:, ::1] described = describe(sums[:count], x.stats_total)
    values = np.empty((m, wanted * RATIOS), np.float32)
    cdef float[:, ::1] out = values
    for b in range(m):
        for r in range(wanted):
            memcpy(&out[b, r * RATIOS], &described[places[b, r], 0], RATIOS * sizeof(float))
    return values


cpdef object main_container(x, tuple shares):
    """The values of ``features.main_container``."""
    cdef const float[::1] size = x.size
    cdef const unsigned char[::1] sentence = x.sentences.view(np.uint8), held = x.around.view(np.uint8)
    cdef const int[::1] first = x.page.first, last = x.page.last
    cdef const int[:, ::1] chains = x.chains.T
    cdef Py_ssize_t m = len(size), n = len(first), b, e, s, level, count = len(shares), inside
    cdef double[::1] upto = np.zeros(m + 1)
    cdef bint spoken = False
    cdef int64_t[::1] chosen = np.zeros(count, np.int64)
    cdef float[::1] least = np.empty(count, np.float32)
    cdef float here
    for b in range(m):
        spoken = spoken or (sentence[b] and size[b] != 0)
    for b in range(m):
        upto[b + 1] = upto[b] + (size[b] if sentence[b] or not spoken else 0)
    for s in range(count):
        least[s] = <float> (<double> shares[s] * upto[m] * 0.9999)
    for e in range(n):
        if held[e]:
            here = <float> (upto[last[e]] - upto[first[e]])
            for s in range(count):
                if here >= least[s]:
                    chosen[s] = e
    logarithms = np.empty((2 * m + 1, count), np.float32)
    values = np.empty((m, 7 * count), np.float32)
    cdef float[:, ::1] logs = logarithms, out = values
    for s in range(count):
        e = chosen[s]
        logs[2 * m, s] = <float> (last[e] - first[e])
        for b in range(m):
            logs[b, s] = <float> max(first[e] - b, 0)
            logs[m + b, s] = <float> max(b - last[e] + 1, 0)
    np.log1p(logarithms, logarithms)
    for s in range(count):
        e = chosen[s]
        for b in range(m):
            inside = first[e] <= b < last[e]
            level = 0
            while level < len(chains) and level < 30 and chains[level, b] != e:
                level += 1
            out[b, 7 * s] = inside
            out[b, 7 * s + 1] = logs[b, s]
            out[b, 7 * s + 2] = logs[m + b, s]
            out[b, 7 * s + 3] = <float> (<double> (b - first[e]) / <double> max(last[e] - first[e], 1)) if inside else 0
            out[b, 7 * s + 4] = <float> (<double> (level if level < len(chains) else 30) / 10)
            out[b, 7 * s + 5] = logs[2 * m, s]
            out[b, 7 * s + 6] = <float> (<double> (last[e] - first[e]) / <double> m)
    return values


cpdef object repetition(x):
    """The values of ``features.repetition``."""
    cdef const int64_t[::1] twins_of = x.twins, template_of = x.signatures
    cdef const int[:, ::1] chains = x.chains.T
    cdef const float[:, ::1] stats = x.stats
    cdef Py_ssize_t m = len(template_of), top = len(chains) - 1, b, k, t, count = 0, most
    for b in range(m):
        count = max(count, template_of[b] + 1)
    cdef double[:, ::1] template_sums = np.zeros((count, STATS))
    cdef double[::1] nothing = np.zeros(STATS)
    cdef float[:, ::1] sums = np.empty((count, STATS), np.float32)
    for b in range(m):
        for k in range(STATS):
            template_sums[template_of[b], k] += stats[b, k]
    alike = np.empty((m, TEMPLATE_LEVELS), np.float32)
    cdef float[:, ::1] twins = alike
    for b in range(m):
        for k in range(TEMPLATE_LEVELS):
            twins[b, k] = <float> twins_of[chains[min(k, top), b]]
    np.log1p(alike, alike)
    for t in range(count):
        _gather(&nothing[0], &template_sums[t, 0], &sums[t, 0])
    cdef float[:, ::1] described = describe(sums, x.stats_total)
    values = np.empty((m, TEMPLATE_LEVELS + RATIOS + 2), np.float32)
    cdef float[:, ::1] out = values
    for b in range(m):
        most = 0
        for k in range(TEMPLATE_LEVELS):
            out[b, k] = twins[b, k]
            if twins[b, k] > twins[b, most]:
                most = k
        memcpy(&out[b, TEMPLATE_LEVELS], &described[template_of[b], 0], RATIOS * sizeof(float))
        out[b, TEMPLATE_LEVELS + RATIOS] = twins[b, most]
        out[b, TEMPLATE_LEVELS + RATIOS + 1] = <float> most
    return values


cpdef object neighbours(x, tuple windows, int64_t paragraph, int64_t item):
    """The values of ``features.neighbours``; ``paragraph`` and ``item`` are the numbers of these tags."""
    basics = x.basics
    cdef const float[::1] density = basics.link_density
    cdef const float[:, ::1] counts = basics.char_counts
    cdef const unsigned char[::1] sentence = basics.sentences.view(np.uint8), heading = basics.headings.view(np.uint8)
    cdef const unsigned char[::1] hidden = x.page.hidden.view(np.uint8)
    cdef const int64_t[::1] boxes = x.box_numbers, depths = x.depths
    cdef const int[:, ::1] chains = x.chains.T
    cdef Py_ssize_t m = len(density), b, k, w, low, high, above, reach, level, start
    cdef float[:, ::1] own = np.zeros((m + 2, 9), np.float32)
    cdef double[:, ::1] upto = np.zeros((m + 1, 3))
    cdef int element
    logarithms = np.log1p(basics.size)
    values = np.empty((m, 22 + 3 * len(windows)), np.float32)
    cdef float[::1] logs = logarithms
    cdef float[:, ::1] out = values
    for b in range(m):
        own[b + 1, 0] = logs[b]
        own[b + 1, 1] = density[b]
        own[b + 1, 2] = sentence[b]
        own[b + 1, 3] = heading[b]
        own[b + 1, 4] = boxes[b] == paragraph
        own[b + 1, 5] = boxes[b] == item
        own[b + 1, 6] = counts[b, _STOP] > 0
        own[b + 1, 7] = hidden[b]
        own[b + 1, 8] = <float> (<double> depths[b] / 10)
        for k in range(3):
            upto[b + 1, k] = upto[b, k] + own[b + 1, k]
    for b in range(m):
        memcpy(&out[b, 0], &own[b, 0], 9 * sizeof(float))
        memcpy(&out[b, 9], &own[b + 2, 0], 9 * sizeof(float))
    start = 18
    for w in range(len(windows)):
        reach = windows[w]
        for b in range(m):
            low, high = max(b - reach, 0), min(b + reach + 1, m)
            for k in range(3):
                out[b, start + k] = <float> ((upto[high, k] - upto[low, k]) / <double> (high - low))
        start += 3
    for level in range(2):
        above = min(level, <Py_ssize_t> len(chains) - 1)
        for b in range(m):
            element = chains[above, b]
            out[b, start] = element == (chains[above, b - 1] if b else 0)  # beyond the ends is the root
            out[b, start + 1] = element == (chains[above, b + 1] if b + 1 < m else 0)
        start += 2
    return values
