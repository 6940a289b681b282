/* A small wrapper of libjpeg-turbo's row-by-row interface, which TurboJPEG's own API does not offer: pictures are
 * decoded from a callback into a few rows at a time, so that neither the file nor the picture is ever completely in
 * memory. libjpeg's error handler must not return; its longjmp stays within this file, so no Rust frame is ever
 * skipped. Errors and warnings are returned as libjpeg's own numbers and text. */

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>

#define INPUT_BYTES 32768
/* Real progressive files have about ten scans, those of optimisers some dozens. Each scan costs a pass over the whole
 * picture, so a file with thousands is an attack. */
#define MOST_SCANS 200
/* Consecutive zero bytes that no coded picture has: 512 zero bits are more than two whole blocks in which each
 * coefficient is the same, if the all-zeros code represents a coefficient. */
#define HOLE_BYTES 64
/* Every run of HOLE_BYTES zeros has two bytes at a multiple of this. */
#define HOLE_STEP 32
/* The maximum number of recorded runs of zeros. */
#define MOST_HOLES 64
/* Meaningless bytes that encoders may leave between the last block of a picture and the next marker. */
#define STRAY_BYTES 64

/* Reads up to `len` bytes at `offset`; 0 at the end of the file or on an error, which the caller records. */
typedef size_t (*albumen_read)(void *context, uint64_t offset, uint8_t *buffer, size_t len);

typedef struct {
  uint32_t width, height;
  int32_t components;
  int32_t precision;
  /* 1 if every coefficient must be kept until the last scan: progressive, or one scan per component. */
  int32_t buffered;
  int32_t colour_space;
  /* Bytes of coefficients that a buffered picture keeps. */
  uint64_t coefficient_bytes;
  /* 1 if it can be read as planes: grey, or YCbCr with the densest samples in luma, of 8 bits. */
  int32_t planar;
} albumen_jpeg_header;

/* The loss of picture data. */
enum {
  ALBUMEN_JPEG_WHOLE = 0,
  /* libjpeg found invalid codes, or lost synchronisation. */
  ALBUMEN_JPEG_GARBLED = 1,
  /* The file ends before the picture does. */
  ALBUMEN_JPEG_CUT = 2,
  /* Zeros instead of coded blocks. */
  ALBUMEN_JPEG_HOLE = 3,
};

/* One plane of a picture started by albumen_jpeg_start_planes, at the requested scale. */
typedef struct {
  uint32_t width, height;
  /* Bytes from row to row, and the maximum number of rows per call of albumen_jpeg_read_planes. */
  uint32_t stride, rows;
  /* Luma samples to one of this plane, across and down. */
  uint32_t across, down;
} albumen_jpeg_plane;

typedef struct {
  struct jpeg_decompress_struct cinfo;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  albumen_read read;
  void *context;
  /* One row of 12 or 16-bit samples, if the file has more than 8 bits. */
  uint16_t *deep_row;
  uint64_t offset;
  /* The number of warnings that mean lost picture data, and the first of them as text. */
  long damage;
  /* The file ended before decoding was complete. */
  int cut;
  /* The file ended before the first row of blocks. */
  int empty;
  /* The start of each scan's data, and whether zeros in it may be a flat area. */
  struct {
    uint64_t at;
    int zeros_are_flat;
  } scans[MOST_SCANS + 1];
  int n_scans;
  /* Runs of zeros in the bytes read so far. */
  struct {
    uint64_t from, to;
  } holes[MOST_HOLES];
  int n_holes;
  char message[JMSG_LENGTH_MAX];
  uint8_t input[INPUT_BYTES];
} albumen_jpeg;

static void leave(j_common_ptr cinfo) {
  albumen_jpeg *jpeg = (albumen_jpeg *)cinfo->client_data;
  cinfo->err->format_message(cinfo, jpeg->message);
  longjmp(jpeg->escape, 1);
}

static int loses_picture(int code) {
  switch (code) {
  case JWRN_ARITH_BAD_CODE:
  case JWRN_BOGUS_PROGRESSION:
  case JWRN_HIT_MARKER:
  case JWRN_HUFF_BAD_CODE:
  case JWRN_MUST_RESYNC:
  case JWRN_NOT_SEQUENTIAL:
    return 1;
  default: /* padding before a marker, odd JFIF or Adobe markers, a bad ICC count: the picture is intact */
    return 0;
  }
}

static void note(j_common_ptr cinfo, int level) {
  albumen_jpeg *jpeg = (albumen_jpeg *)cinfo->client_data;
  int code = cinfo->err->msg_code;
  if (level >= 0)
    return;
  if (code == JWRN_JPEG_EOF) {
    j_decompress_ptr d = (j_decompress_ptr)cinfo;
    if (!jpeg->cut && !jpeg->damage)
      jpeg->empty = d->input_scan_number <= 1 && d->input_iMCU_row == 0 && d->total_iMCU_rows > 1;
    jpeg->cut = 1;
    return;
  }
  /* After the headers, many bytes outside of blocks: the blocks before them were decoded wrongly. */
  if (code == JWRN_EXTRANEOUS_DATA) {
    /* Only hardware encoders leave some, and those write one scan. */
    int most = jpeg->n_scans > 0 && jpeg_has_multiple_scans((j_decompress_ptr)cinfo) ? 0 : STRAY_BYTES;
    if (jpeg->n_scans == 0 || cinfo->err->msg_parm.i[0] <= most)
      return;
  } else if (!loses_picture(code)) {
    return;
  }
  if (jpeg->damage++ == 0)
    cinfo->err->format_message(cinfo, jpeg->message);
}

static void say_nothing(j_common_ptr cinfo) { (void)cinfo; }

/* The symbol of a table's shortest code: the one of all zeros. */
static int code_of_zeros(const JHUFF_TBL *table, int fallback) { return table ? table->huffval[0] : fallback; }

/* Whether zero bits in the starting scan can be a flat area, which may be long, and not coefficients. */
static int zeros_are_flat(const struct jpeg_decompress_struct *cinfo) {
  /* The shortest codes of the tables that the standard proposes for luma. */
  const int no_difference = 0x00, minus_one = 0x01;
  int i;
  /* The last bits of DC are often zeros; lossless data have no blocks. */
  if (cinfo->arith_code || (cinfo->Ah != 0 && cinfo->Ss == 0) ||
      (!cinfo->progressive_mode && (cinfo->Ss != 0 || cinfo->Se != DCTSIZE2 - 1)))
    return 1;
  for (i = 0; i < cinfo->comps_in_scan; i++) {
    const jpeg_component_info *c = cinfo->cur_comp_info[i];
    if (cinfo->Ss == 0 && code_of_zeros(cinfo->dc_huff_tbl_ptrs[c->dc_tbl_no & 3], no_difference) != 0)
      return 0;
    if (cinfo->Se > 0) {
      int ac = code_of_zeros(cinfo->ac_huff_tbl_ptrs[c->ac_tbl_no & 3], minus_one);
      /* A value, or sixteen zeros before one; else the block, or several, end here. */
      if ((ac & 15) != 0 || ac == 0xF0)
        return 0;
    }
  }
  return 1;
}

/* The file position of the next byte that the decoder reads. */
static uint64_t place(const albumen_jpeg *jpeg) { return jpeg->offset - jpeg->source.bytes_in_buffer; }

static void begin_scan(albumen_jpeg *jpeg) {
  int i, kept = 0;
  if (jpeg->n_scans > MOST_SCANS)
    return;
  if (jpeg->n_scans == 0) {
    /* Headers have padding. */
    for (i = 0; i < jpeg->n_holes; i++)
      if (jpeg->holes[i].to > place(jpeg))
        jpeg->holes[kept++] = jpeg->holes[i];
    jpeg->n_holes = kept;
  }
  jpeg->scans[jpeg->n_scans].at = place(jpeg);
  jpeg->scans[jpeg->n_scans++].zeros_are_flat = zeros_are_flat(&jpeg->cinfo);
}

static void watch(j_common_ptr cinfo) {
  albumen_jpeg *jpeg = (albumen_jpeg *)cinfo->client_data;
  if (!cinfo->is_decompressor)
    return;
  if (((j_decompress_ptr)cinfo)->input_scan_number > MOST_SCANS) {
    snprintf(jpeg->message, sizeof jpeg->message, "more than %d scans", MOST_SCANS);
    longjmp(jpeg->escape, 1);
  }
  if (((j_decompress_ptr)cinfo)->input_scan_number > jpeg->n_scans)
    begin_scan(jpeg);
}

/* Records the runs of zeros in the bytes just read. */
static void find_holes(albumen_jpeg *jpeg, uint64_t at, size_t n) {
  const uint8_t *b = jpeg->input;
  size_t i = 0;
  while (i < n) {
    size_t from = i, to = i;
    if (b[i] != 0) {
      i += HOLE_STEP;
      continue;
    }
    while (from > 0 && b[from - 1] == 0)
      from--;
    while (to < n && b[to] == 0)
      to++;
    if (to - from >= HOLE_BYTES) {
      int last = jpeg->n_holes - 1;
      if (last >= 0 && jpeg->holes[last].to == at + from) {
        jpeg->holes[last].to = at + to;
      } else {
        last = jpeg->n_holes < MOST_HOLES ? jpeg->n_holes++ : MOST_HOLES - 1;
        jpeg->holes[last].from = at + from;
        jpeg->holes[last].to = at + to;
      }
    }
    i = (to / HOLE_STEP + 1) * HOLE_STEP;
  }
}

/* Whether a scan contains, before `end`, a run of zeros that no picture has. */
static int has_hole(const albumen_jpeg *jpeg, uint64_t end) {
  int i, scan;
  for (i = 0; i < jpeg->n_holes; i++) {
    for (scan = 0; scan < jpeg->n_scans; scan++) {
      uint64_t from = jpeg->scans[scan].at, to = scan + 1 < jpeg->n_scans ? jpeg->scans[scan + 1].at : end;
      if (from < jpeg->holes[i].from)
        from = jpeg->holes[i].from;
      if (to > jpeg->holes[i].to)
        to = jpeg->holes[i].to;
      if (from + HOLE_BYTES <= to && !jpeg->scans[scan].zeros_are_flat)
        return 1;
    }
  }
  return 0;
}

static void source_nothing(j_decompress_ptr cinfo) { (void)cinfo; }

static boolean source_fill(j_decompress_ptr cinfo) {
  albumen_jpeg *jpeg = (albumen_jpeg *)cinfo->client_data;
  size_t n = jpeg->read(jpeg->context, jpeg->offset, jpeg->input, INPUT_BYTES);
  if (n > INPUT_BYTES)
    n = INPUT_BYTES;
  find_holes(jpeg, jpeg->offset, n);
  jpeg->offset += n;
  if (n == 0) {
    /* As in libjpeg's own sources: warn, and end the picture here. */
    WARNMS(cinfo, JWRN_JPEG_EOF);
    jpeg->input[0] = 0xFF;
    jpeg->input[1] = JPEG_EOI;
    n = 2;
  }
  jpeg->source.next_input_byte = jpeg->input;
  jpeg->source.bytes_in_buffer = n;
  return TRUE;
}

static void source_skip(j_decompress_ptr cinfo, long count) {
  albumen_jpeg *jpeg = (albumen_jpeg *)cinfo->client_data;
  if (count <= 0)
    return;
  if ((size_t)count <= jpeg->source.bytes_in_buffer) {
    jpeg->source.next_input_byte += count;
    jpeg->source.bytes_in_buffer -= (size_t)count;
  } else {
    jpeg->offset += (uint64_t)count - jpeg->source.bytes_in_buffer;
    jpeg->source.bytes_in_buffer = 0;
  }
}

static int create(albumen_jpeg *jpeg) {
  if (setjmp(jpeg->escape))
    return 0;
  jpeg_create_decompress(&jpeg->cinfo);
  return 1;
}

/* NULL if memory is exhausted, or if the version of the library differs from the headers. */
albumen_jpeg *albumen_jpeg_open(albumen_read read, void *context) {
  albumen_jpeg *jpeg = calloc(1, sizeof *jpeg);
  if (!jpeg)
    return NULL;
  jpeg->read = read;
  jpeg->context = context;
  jpeg->cinfo.err = jpeg_std_error(&jpeg->errors);
  jpeg->errors.error_exit = leave;
  jpeg->errors.emit_message = note;
  jpeg->errors.output_message = say_nothing;
  jpeg->cinfo.client_data = jpeg;
  if (!create(jpeg)) {
    free(jpeg);
    return NULL;
  }
  jpeg->source.init_source = source_nothing;
  jpeg->source.fill_input_buffer = source_fill;
  jpeg->source.skip_input_data = source_skip;
  jpeg->source.resync_to_restart = jpeg_resync_to_restart;
  jpeg->source.term_source = source_nothing;
  jpeg->cinfo.src = &jpeg->source;
  jpeg->progress.progress_monitor = watch;
  jpeg->cinfo.progress = &jpeg->progress;
  return jpeg;
}

void albumen_jpeg_close(albumen_jpeg *jpeg) {
  if (!jpeg)
    return;
  if (!setjmp(jpeg->escape))
    jpeg_destroy_decompress(&jpeg->cinfo);
  free(jpeg->deep_row);
  free(jpeg);
}

const char *albumen_jpeg_message(const albumen_jpeg *jpeg) { return jpeg->message; }

/* 1 if the last error concerns a valid kind of JPEG that libjpeg does not decode. */
int albumen_jpeg_is_unsupported(const albumen_jpeg *jpeg) {
  switch (jpeg->errors.msg_code) {
  case JERR_ARITH_NOTIMPL:
  case JERR_BAD_PRECISION:
  case JERR_CCIR601_NOTIMPL:
  case JERR_CONVERSION_NOTIMPL:
  case JERR_FRACT_SAMPLE_NOTIMPL:
  case JERR_NOTIMPL:
  case JERR_SOF_UNSUPPORTED:
    return 1;
  default:
    return 0;
  }
}

/* Whether all coefficients of a buffered picture are complete to the last bit; known only of progressive ones. */
static int all_scans_came(const struct jpeg_decompress_struct *cinfo) {
  int i, k;
  if (!cinfo->progressive_mode || !cinfo->coef_bits)
    return 0;
  for (i = 0; i < cinfo->num_components; i++)
    for (k = 0; k < DCTSIZE2; k++)
      if (cinfo->coef_bits[i][k] != 0)
        return 0;
  return 1;
}

/* Reads on from the last block of a picture of one scan to the next marker. Unexpected bytes mean that the blocks
 * before were decoded wrongly; zeros up to the end of the file replaced the rest of the picture. */
static int ends_in_step(albumen_jpeg *jpeg) {
  struct jpeg_source_mgr *source = &jpeg->source;
  /* Arithmetic decoding reads zeros as data and leaves few of them. */
  unsigned stray = 0, zeros = 0, most_zeros = jpeg->cinfo.arith_code ? 0 : HOLE_BYTES;
  int after_ff = 0;
  /* The decoder met the marker already. */
  if (jpeg->cinfo.unread_marker != 0 || jpeg->cut)
    return 1;
  while (stray <= STRAY_BYTES) {
    uint8_t byte;
    if (source->bytes_in_buffer == 0) {
      size_t n = jpeg->read(jpeg->context, jpeg->offset, jpeg->input, INPUT_BYTES);
      if (n == 0 || n > INPUT_BYTES)
        return zeros < most_zeros;
      jpeg->offset += n;
      source->next_input_byte = jpeg->input;
      source->bytes_in_buffer = n;
    }
    byte = *source->next_input_byte++;
    source->bytes_in_buffer--;
    /* Zeros before the picture's own end are padding; before another file they replaced the picture's end. */
    if (after_ff && byte != 0 && byte != 0xFF && (byte < 0xD0 || byte > 0xD7))
      return byte == JPEG_EOI || zeros < most_zeros;
    after_ff = byte == 0xFF;
    zeros += byte == 0;
    stray += byte != 0 && byte != 0xFF;
  }
  return 0;
}

/* The loss of picture data; called once at the end: when all rows are read, or decoding was abandoned. */
int albumen_jpeg_damage(albumen_jpeg *jpeg) {
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  uint64_t end;
  int in_step, is_buffered;
  if (setjmp(jpeg->escape))
    return ALBUMEN_JPEG_GARBLED;
  is_buffered = jpeg_has_multiple_scans(cinfo) ? 1 : 0;
  end = place(jpeg);
  if (cinfo->output_scanline < cinfo->output_height || is_buffered)
    in_step = 1;
  else
    in_step = ends_in_step(jpeg);
  if (has_hole(jpeg, end))
    return ALBUMEN_JPEG_HOLE;
  /* A file that lacks only its last marker has lost nothing. Arithmetic decoding does not report where data ran out. */
  if (jpeg->cut && (jpeg->damage || cinfo->arith_code || (is_buffered && !all_scans_came(cinfo))))
    return ALBUMEN_JPEG_CUT;
  return jpeg->damage || !in_step ? ALBUMEN_JPEG_GARBLED : ALBUMEN_JPEG_WHOLE;
}

int albumen_jpeg_is_empty(const albumen_jpeg *jpeg) { return jpeg->empty; }

/* Sampling factors are 1 to 4, so a plane has at most this many rows of blocks' samples in a group. */
#define MOST_PLANE_ROWS (4 * DCTSIZE)

#if JPEG_LIB_VERSION >= 70
#define BLOCK_SIDE(component) ((component)->DCT_h_scaled_size)
#define LEAST_BLOCK_SIDE(cinfo) ((cinfo)->min_DCT_h_scaled_size)
#else
#define BLOCK_SIDE(component) ((component)->DCT_scaled_size)
#define LEAST_BLOCK_SIDE(cinfo) ((cinfo)->min_DCT_scaled_size)
#endif

/* Whether `whole` is 1, 2 or 4 times `part`. */
static int is_shared(int whole, int part) { return whole == part || whole == 2 * part || whole == 4 * part; }

static int is_planar(const struct jpeg_decompress_struct *cinfo) {
  const jpeg_component_info *c = cinfo->comp_info;
  if (cinfo->data_precision != 8)
    return 0;
  if (cinfo->num_components == 1)
    return cinfo->jpeg_color_space == JCS_GRAYSCALE;
  return cinfo->num_components == 3 && cinfo->jpeg_color_space == JCS_YCbCr && c[1].h_samp_factor == c[2].h_samp_factor &&
         c[1].v_samp_factor == c[2].v_samp_factor && is_shared(c[0].h_samp_factor, c[1].h_samp_factor) &&
         is_shared(c[0].v_samp_factor, c[1].v_samp_factor);
}

/* 1 and a filled header, or 0 and a message. */
int albumen_jpeg_read_header(albumen_jpeg *jpeg, albumen_jpeg_header *header) {
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  int i;
  if (setjmp(jpeg->escape))
    return 0;
  if (jpeg_read_header(cinfo, TRUE) != JPEG_HEADER_OK)
    return 0;
  memset(header, 0, sizeof *header);
  header->width = cinfo->image_width;
  header->height = cinfo->image_height;
  header->components = cinfo->num_components;
  header->precision = cinfo->data_precision;
  header->buffered = jpeg_has_multiple_scans(cinfo) ? 1 : 0;
  header->colour_space = (int32_t)cinfo->jpeg_color_space;
  for (i = 0; i < cinfo->num_components; i++) {
    const jpeg_component_info *c = &cinfo->comp_info[i];
    uint64_t across = ((uint64_t)c->width_in_blocks + c->h_samp_factor - 1) / c->h_samp_factor * c->h_samp_factor;
    uint64_t down = ((uint64_t)c->height_in_blocks + c->v_samp_factor - 1) / c->v_samp_factor * c->v_samp_factor;
    header->coefficient_bytes += across * down * sizeof(JBLOCK);
  }
  header->planar = is_planar(cinfo);
  begin_scan(jpeg);
  return 1;
}

/* Declares that the samples are RGB already, if the file cannot state it itself (JPEG inside TIFF). */
void albumen_jpeg_assume_rgb(albumen_jpeg *jpeg) {
  if (jpeg->cinfo.num_components == 3)
    jpeg->cinfo.jpeg_color_space = JCS_RGB;
}

/* Starts decoding at `eighths`/8 of the size, to RGB, or to CMYK with `cmyk`. 1 and the scaled size, or 0. */
int albumen_jpeg_start(albumen_jpeg *jpeg, unsigned eighths, int cmyk, uint32_t *width, uint32_t *height) {
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  if (setjmp(jpeg->escape))
    return 0;
  cinfo->scale_num = eighths;
  cinfo->scale_denom = 8;
  cinfo->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(cinfo);
  if (cinfo->data_precision > 8 && !jpeg->deep_row) {
    jpeg->deep_row = calloc((size_t)cinfo->output_width * cinfo->output_components, sizeof(uint16_t));
    if (!jpeg->deep_row)
      ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
  }
  *width = cinfo->output_width;
  *height = cinfo->output_height;
  return cinfo->output_components == (cmyk ? 4 : 3);
}

/* One row of more than 8 bits per sample, reduced to 8. */
static JDIMENSION read_deep_row(albumen_jpeg *jpeg, uint8_t *out) {
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  size_t i, samples = (size_t)cinfo->output_width * cinfo->output_components;
  int shift = cinfo->data_precision - 8;
  if (cinfo->data_precision <= 12) {
    J12SAMPROW row = (J12SAMPROW)jpeg->deep_row;
    if (jpeg12_read_scanlines(cinfo, &row, 1) != 1)
      return 0;
    for (i = 0; i < samples; i++)
      out[i] = row[i] < 0 ? 0 : (uint8_t)((row[i] >> shift) > 255 ? 255 : row[i] >> shift);
  } else {
    J16SAMPROW row = (J16SAMPROW)jpeg->deep_row;
    if (jpeg16_read_scanlines(cinfo, &row, 1) != 1)
      return 0;
    for (i = 0; i < samples; i++)
      out[i] = (uint8_t)((row[i] >> shift) > 255 ? 255 : row[i] >> shift);
  }
  return 1;
}

/* Reads up to `rows` rows of 8-bit samples; returns their number, or -1 and a message. */
int albumen_jpeg_read_rows(albumen_jpeg *jpeg, uint8_t *out, size_t stride, uint32_t rows) {
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  /* volatile: read again after the jump. */
  volatile uint32_t done = 0;
  if (setjmp(jpeg->escape))
    return done > 0 ? (int)done : -1;
  while (done < rows && cinfo->output_scanline < cinfo->output_height) {
    JDIMENSION n;
    if (cinfo->data_precision > 8) {
      n = read_deep_row(jpeg, out + (size_t)done * stride);
    } else {
      JSAMPROW lines[16];
      JDIMENSION want = rows - done < 16 ? rows - done : 16, i;
      for (i = 0; i < want; i++)
        lines[i] = out + (size_t)(done + i) * stride;
      n = jpeg_read_scanlines(cinfo, lines, want);
    }
    if (n == 0)
      break;
    done += n;
  }
  return (int)done;
}

/* Starts decoding at `eighths`/8 (1, 2, 4 or 8) to the planes as they are coded, which saves the cost of upsampling and
 * colour conversion at full size. Only if the header is `planar`. 1 and the planes' shapes, or 0 and a message; the
 * second and third are unchanged for grey. */
int albumen_jpeg_start_planes(albumen_jpeg *jpeg, unsigned eighths, albumen_jpeg_plane planes[3]) {
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  int i;
  if (setjmp(jpeg->escape))
    return 0;
  cinfo->scale_num = eighths;
  cinfo->scale_denom = 8;
  cinfo->out_color_space = cinfo->jpeg_color_space;
  cinfo->raw_data_out = TRUE;
  jpeg_start_decompress(cinfo);
  for (i = 0; i < cinfo->num_components && i < 3; i++) {
    const jpeg_component_info *luma = &cinfo->comp_info[0], *c = &cinfo->comp_info[i];
    planes[i].width = c->downsampled_width;
    planes[i].height = c->downsampled_height;
    planes[i].stride = c->width_in_blocks * BLOCK_SIDE(c);
    planes[i].rows = c->v_samp_factor * BLOCK_SIDE(c);
    planes[i].across = luma->h_samp_factor * BLOCK_SIDE(luma) / (c->h_samp_factor * BLOCK_SIDE(c));
    planes[i].down = luma->v_samp_factor * BLOCK_SIDE(luma) / (c->v_samp_factor * BLOCK_SIDE(c));
    if (planes[i].rows > MOST_PLANE_ROWS)
      ERREXIT(cinfo, JERR_BAD_SAMPLING);
  }
  return 1;
}

/* Reads the next group of rows of each plane into buffers of `rows` times `stride` bytes. Returns the luma rows of a
 * whole group (the last one may have fewer), 0 at the end, or -1 and a message. */
int albumen_jpeg_read_planes(albumen_jpeg *jpeg, uint8_t *y, uint8_t *cb, uint8_t *cr) {
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  uint8_t *planes[3] = {y, cb, cr};
  JSAMPROW lines[3][MOST_PLANE_ROWS];
  JSAMPARRAY image[3] = {lines[0], lines[1], lines[2]};
  int i, row;
  if (setjmp(jpeg->escape))
    return -1;
  if (cinfo->output_scanline >= cinfo->output_height)
    return 0;
  for (i = 0; i < cinfo->num_components && i < 3; i++) {
    const jpeg_component_info *c = &cinfo->comp_info[i];
    size_t stride = (size_t)c->width_in_blocks * BLOCK_SIDE(c);
    for (row = 0; row < c->v_samp_factor * BLOCK_SIDE(c); row++)
      lines[i][row] = planes[i] + row * stride;
  }
  return (int)jpeg_read_raw_data(cinfo, image, cinfo->max_v_samp_factor * LEAST_BLOCK_SIDE(cinfo));
}
