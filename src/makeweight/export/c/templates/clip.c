/* The part of a window of some taps that lies inside a side of some pixels. */
typedef struct {
    int32_t start;
    int32_t first;
    int32_t end;
} span;

static span clip(int32_t position, int32_t taps, int32_t pixels, const filter *f)
{
    span s;
    s.start = (position * f->stride) - f->padding;
    s.first = (s.start < 0) ? -s.start : 0;
    s.end = ((pixels - s.start) < taps) ? (pixels - s.start) : taps;
    if (s.end <= s.first) { /* nothing but padding */
        s.start = 0;
        s.first = 0;
        s.end = 0;
    }
    return s;
}
