
/*
 * Copyright (C) ngx_mra contributors
 */


#include "simulate.h"


#define PLOT_WIDTH   640
#define PLOT_HEIGHT  260
#define PLOT_LEFT    56
#define PLOT_RIGHT   16
#define PLOT_TOP     34
#define PLOT_BOTTOM  36
#define PLOT_POINTS  300


static void plot_lines(FILE *f, sim_plot_t *plot, float *value, ngx_uint_t n,
    double top, ngx_uint_t step);
static void plot_axes(FILE *f, ngx_uint_t seconds, double top, char *what);
static double plot_x(double part);
static double plot_y(double part);


static char  *plot_colours[] = { "#d62728", "#1f77b4", "#2ca02c", "#9467bd" };


void
sim_plot(sim_t *sim, char *file, char *title, ngx_uint_t edges)
{
    FILE        *f;
    float       *value;
    double       top;
    ngx_uint_t   i, n, step;
    sim_plot_t  *plot;

    plot = &sim->plot;

    n = edges ? plot->edges : plot->cores;
    value = edges ? plot->edge : plot->core;

    for (i = 0, top = 1; i < plot->n * n; i++) {
        top = ngx_max(top, value[i]);
    }

    top *= 1.05;

    f = fopen(file, "w");
    if (f == NULL) {
        perror(file);
        return;
    }

    fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
            "height=\"%d\"\nfont-family=\"sans-serif\" font-size=\"11\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
            "<text x=\"%d\" y=\"18\" font-size=\"13\">\n%s</text>\n",
            PLOT_WIDTH, PLOT_HEIGHT, PLOT_LEFT, title);

    plot_axes(f, plot->n * SIM_SAMPLE, top,
              edges ? "registrations of each edge node"
                    : "registrations of each core node");

    step = (plot->n + PLOT_POINTS - 1) / PLOT_POINTS;

    plot_lines(f, plot, value, n, top, step);

    fprintf(f, "</svg>\n");
    fclose(f);
}


/* the first node is the one that fails: it is drawn last, on top */

static void
plot_lines(FILE *f, sim_plot_t *plot, float *value, ngx_uint_t n, double top,
    ngx_uint_t step)
{
    ngx_uint_t  i, j, drawn;

    drawn = ngx_min(n, 6);

    for (i = drawn; i > 0; i--) {

        fprintf(f, "<path fill=\"none\" stroke-width=\"%s\" stroke=\"%s\" "
                "d=\"M", (i == 1) ? "2" : "1",
                (i == 1 || n <= 4) ? plot_colours[(i - 1) % 4] : "#9ab");

        for (j = 0; j < plot->n; j += step) {
            fprintf(f, "%s%.0f,%.0f", (j / step % 8) ? " " : "\n",
                    plot_x((double) j / plot->n),
                    plot_y(value[j * n + i - 1] / top));
        }

        fprintf(f, "\"/>\n");
    }
}


static void
plot_axes(FILE *f, ngx_uint_t seconds, double top, char *what)
{
    double      tick;
    ngx_uint_t  i, minutes, every;

    for (tick = 1; tick * 5 < top; tick *= 10) { /* void */ }

    tick = (tick * 5 / 10 > top / 5) ? tick / 2 : tick;
    tick = (tick > top / 2) ? tick / 5 : tick;

    for (i = 0; i * tick <= top; i++) {
        fprintf(f, "<path stroke=\"#ddd\" d=\"M%d,%.1f H%d\"/>\n"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.0f</text>\n",
                PLOT_LEFT, plot_y(i * tick / top), PLOT_WIDTH - PLOT_RIGHT,
                PLOT_LEFT - 4, plot_y(i * tick / top) + 4, i * tick);
    }

    minutes = seconds / 60;

    for (every = 1; minutes / every > 14; every *= (every == 2) ? 5 : 2) {
        /* void */
    }

    for (i = 0; i <= minutes; i += every) {
        fprintf(f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%u"
                "</text>\n", plot_x(i * 60.0 / seconds),
                PLOT_HEIGHT - PLOT_BOTTOM + 14, (unsigned) i);
    }

    fprintf(f, "<text x=\"%d\" y=\"%d\" fill=\"#555\">\n%s, over minutes"
            "</text>\n", PLOT_LEFT, PLOT_HEIGHT - 6, what);
}


static double
plot_x(double part)
{
    return PLOT_LEFT + part * (PLOT_WIDTH - PLOT_LEFT - PLOT_RIGHT);
}


static double
plot_y(double part)
{
    return PLOT_TOP + (1 - part) * (PLOT_HEIGHT - PLOT_TOP - PLOT_BOTTOM);
}
