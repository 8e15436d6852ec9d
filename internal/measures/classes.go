// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package measures

// Class is how well one class is recognized. A ratio with nothing to divide by is 0.
type Class struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	Support   int     `json:"support"` // images of the class
	// ROCAUC and AveragePrecision rank the images by the probability of the class, see Ranking; nil where there are none.
	ROCAUC           *float64 `json:"rocAUC,omitempty"`
	AveragePrecision *float64 `json:"prAUC,omitempty"`
}

// Classes returns the figures of each class that follow from the confusion: images by true class, then predicted class.
func Classes(confusion [][]int) []Class {
	classes := make([]Class, len(confusion))
	for i, row := range confusion {
		predicted := 0
		for _, other := range confusion {
			predicted += other[i]
		}
		c := &classes[i]
		for _, n := range row {
			c.Support += n
		}
		c.Precision = ratio(float64(row[i]), float64(predicted))
		c.Recall = ratio(float64(row[i]), float64(c.Support))
		c.F1 = ratio(2*c.Precision*c.Recall, c.Precision+c.Recall)
	}
	return classes
}

// Averages are means over the classes that there are images of; without any they are 0.
type Averages struct{ Precision, Recall, F1 float64 }

// Macro weighs all classes alike.
func Macro(classes []Class) Averages {
	return average(classes, func(Class) float64 { return 1 })
}

// Weighted weighs a class by its number of images.
func Weighted(classes []Class) Averages {
	return average(classes, func(c Class) float64 { return float64(c.Support) })
}

func average(classes []Class, weigh func(Class) float64) Averages {
	var sum Averages
	total := 0.0
	for _, c := range classes {
		if c.Support == 0 {
			continue
		}
		weight := weigh(c)
		sum.Precision += weight * c.Precision
		sum.Recall += weight * c.Recall
		sum.F1 += weight * c.F1
		total += weight
	}
	return Averages{Precision: ratio(sum.Precision, total), Recall: ratio(sum.Recall, total), F1: ratio(sum.F1, total)}
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
